# bash completion for delta-apply, mkdelta and delta-host.  The words come from --help
# of the program itself, so they are those of the version that is installed.

_delta_tools_commands() {
	"$1" --help 2> /dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

_delta_tools_options() {
	"$1" ${2:+"$2"} --help 2> /dev/null | grep -oE '^ +(-[A-Za-z], )?--[a-z][a-z0-9-]*' |
	    grep -oE -- '(^| )--?[A-Za-z][a-z0-9-]*'
}

# What kind of word an option wants: FILE, DIR, TYPE ...; nothing for a flag.
_delta_tools_argument() {
	"$1" ${2:+"$2"} --help 2> /dev/null |
	    sed -nE "s/^ +(-[A-Za-z], )?--[a-z0-9-]+ ([A-Z][^ ]*).*/&\n\2/; T; /(^|[ ])$3[ ,]/{s/.*\n//p}" |
	    head -n 1
}

_delta_tools() {
	local program=$1 cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' word kind i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word != -* ]] && _delta_tools_commands "$program" | grep -qx -- "$word"; then
			command=$word
			break
		fi
	done
	if [[ $prev == -* ]]; then
		kind=$(_delta_tools_argument "$program" "$command" "$prev")
		case $kind in
		'') ;;
		DIR) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
		FILE* | WHERE) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
		TYPE) mapfile -t COMPREPLY < <(compgen -W 'ed25519 p256' -- "$cur"); return ;;
		CLASS) mapfile -t COMPREPLY < <(compgen -W 'none reversible forward-only' -- "$cur"); return ;;
		*) return ;;
		esac
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_delta_tools_options "$program" "$command")" -- "$cur")
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_delta_tools_commands "$program")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -o filenames -F _delta_tools delta-apply mkdelta delta-host
