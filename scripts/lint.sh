#!/bin/bash
# lint.sh - what machines can point at: arrows, doorways, lengths, shell
# scripts, formatting, clang-tidy.  Exit 1 when anything was found.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build
rc=0
scripts/check-includes.sh || rc=1
scripts/check-lengths.sh || rc=1
git ls-files scripts .ci tests examples | xargs grep -lE '^#!/bin/(ba)?sh' |
    xargs shellcheck -S warning || rc=1
if ! git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror > build/format.txt 2>&1; then
	grep -E 'error:' build/format.txt | head -n 20
	echo "format: run clang-format -i on these"
	rc=1
fi
flags="-std=c11 -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DVERSION_TEXT=\"0\""
if ! git ls-files 'manifest/*.c' 'apply/*.c' 'mkdelta/*.c' 'hosting/*.c' |
    xargs -P 2 -n 8 sh -c "exec clang-tidy --quiet \"\$@\" -- $flags" tidy \
    > build/tidy.txt 2> /dev/null; then
	grep -E 'warning:|error:' build/tidy.txt | sort -u | head -n 30
	rc=1
fi
[ $rc -eq 0 ] && echo "lint: clean"
exit $rc
