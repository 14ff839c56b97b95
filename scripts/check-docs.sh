#!/bin/bash
# check-docs.sh - every source file has its line in docs/ARCHITECTURE.md, every
# link between the documents leads somewhere, and docs/configuration.md lists the
# environment that hooks get.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
for file in $(git ls-files 'manifest/*.[ch]' 'apply/*.[ch]' 'mkdelta/*.[ch]' 'hosting/*.[ch]'); do
	name=$(basename "${file%.*}")
	if ! grep -q "^| \`$name\` |" docs/ARCHITECTURE.md; then
		echo "docs/ARCHITECTURE.md: no line for $file"
		bad=1
	fi
done
for doc in README.md docs/*.md; do
	while read -r link; do
		if [ ! -e "$(dirname "$doc")/$link" ]; then
			echo "$doc: $link is not there"
			bad=1
		fi
	done < <(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$doc" | sed 's/^](//; s/)$//')
done
# What a hook is told is what the page for its author lists, no more, no less.
while read -r side name; do
	case $side in
	'<') echo "docs/configuration.md: $name, of apply/hook_env.c, is missing" ;;
	'>') echo "docs/configuration.md: $name is not in apply/hook_env.c" ;;
	*) continue ;;
	esac
	bad=1
done < <(diff <(grep -o '"DELTA_[A-Z_]*"' apply/hook_env.c | tr -d '"' | sort -u) \
	<(grep -oE '\bDELTA_[A-Z_]+' docs/configuration.md | grep -v '^DELTA_APPLY_' | sort -u))
# The table of switched-off checks is that of the list.
tests/mutations/run.py --table || bad=1
[ $bad -eq 0 ] && echo "docs: every file has its line, every link leads somewhere"
exit $bad
