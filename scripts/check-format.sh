#!/bin/bash
# check-format.sh - what the eye trips over: lines over 90 columns (tabs of 8; 100 with a string in them),
# spaces for indentation, white space at the end of a line, no newline at the end
# of a file.  .clang-format is for editors; it would take tables and comments that
# are aligned by hand apart, so it is not enforced.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
while read -r file; do
	if ! expand "$file" | awk -v f="$file" '
	    length($0) > (/"/ ? 100 : 90) { print f ":" NR ": " length($0) " columns"; bad = 1 }
	    END { exit bad }'; then bad=1; fi
	if grep -nHE '[[:blank:]]+$' "$file"; then bad=1; fi
	if grep -nHP '^ {5,}(?! *\*)' "$file"; then
		echo "$file: indent with tabs (and four blanks for a line that goes on)"
		bad=1
	fi
	[ -z "$(tail -c 1 "$file")" ] || { echo "$file: no newline at the end"; bad=1; }
done < <(git ls-files '*.c' '*.h')
[ $bad -eq 0 ] && echo "format: clean"
exit $bad
