#!/bin/bash
# check-docs.sh - every source file has its line in docs/ARCHITECTURE.md, and
# every link between the documents leads somewhere.
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
[ $bad -eq 0 ] && echo "docs: every file has its line, every link leads somewhere"
exit $bad
