#!/bin/bash
# ablation.sh BUILD PAIR... - what each rule and method contributes: the bytes of each
# pair's delta with all of them, and what is added by doing without one.
#
#	CORPUS=DIR	the pairs (build/corpus)
#	OUT=FILE	a table in Markdown (standard output)
set -u
build=${1:?ablation.sh BUILD PAIR...}
shift
corpus=${CORPUS:-$build/corpus}
# All that there are, as it says itself.
names=$("$build/bin/mkdelta" diff --without '?' . . - 2>&1 |
    sed -n 's/.* one of \(.*\) is meant$/\1/p' | tr -d ,)
[ -n "$names" ] || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

size() {	# PAIR NAME: bytes of the delta without it
	rm -f "$work/d"
	"$build/bin/mkdelta" diff -q --without "$2" "$corpus/$1/old" "$corpus/$1/new" \
	    "$work/d" && stat -c %s "$work/d"
}

{
	printf '| without |'
	for pair in "$@"; do printf ' %s |' "$pair"; done
	printf '\n|---|'
	for pair in "$@"; do printf -- '--:|'; done
	printf '\n| nothing, bytes |'
	for pair in "$@"; do
		size "$pair" "" > "$work/$pair" || exit 1
		printf ' %s |' "$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' "$work/$pair")"
	done
	for name in $names; do
		printf '\n| `%s` |' "$name"
		for pair in "$@"; do
			now=$(size "$pair" "$name") || exit 1
			printf ' %s |' "$(awk -v now="$now" -v all="$(cat "$work/$pair")" \
			    'BEGIN {p = 100 * (now - all) / all
			    if (now == all) print "·"; else printf "%+.1f %%", p}')"
		done
	done
	printf '\n'
} > "${OUT:-/dev/stdout}"
