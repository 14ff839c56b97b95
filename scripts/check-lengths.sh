#!/bin/bash
# check-lengths.sh - functions of at most 80 lines, files of at most 500.
# Prints the median and the longest function.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0

while read -r lines file; do
	[ "$file" != total ] || continue
	if [ "$lines" -gt 500 ]; then
		echo "$file: $lines lines, split it by meaning (500)"
		bad=1
	fi
done < <(git ls-files '*.c' '*.h' | xargs wc -l)

table=$(git ls-files '*.c' | xargs ctags -x --_xformat='%{line} %{end} %{input}:%{name}' \
    --kinds-c=f --fields=+ne | awk 'NF == 3 { print $2 - $1 + 1, $3 }' | sort -n)
long=$(printf '%s\n' "$table" | awk '$1 > 80')
if [ -n "$long" ]; then
	printf '%s\n' "$long" | sed 's/$/: split it by meaning (80 lines)/'
	bad=1
fi
printf '%s\n' "$table" | grep -v ' tests/' | awk '{ n[NR] = $1; last = $0 } END {
	if (NR) printf "functions: %d, median %d lines, longest %s\n", NR, n[int((NR + 1) / 2)], last }'
exit $bad
