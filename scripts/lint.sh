#!/bin/bash
# lint.sh - what machines can point at: arrows, doorways, lengths, shell
# scripts, formatting, clang-tidy.  Exit 1 when anything was found.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build
rc=0
scripts/check-includes.sh || rc=1
scripts/check-lengths.sh || rc=1
scripts/check-docs.sh || rc=1
git ls-files scripts .ci tests examples | xargs grep -lE '^#!/bin/(ba)?sh' |
    xargs shellcheck -S warning || rc=1
scripts/check-format.sh || rc=1
mkdir -p build/tidy
cat > build/tidy/compile_flags.txt <<EOF
-std=c11
-I$PWD
-D_GNU_SOURCE
-D_FILE_OFFSET_BITS=64
-D_TIME_BITS=64
-DVERSION_TEXT="0"
-DLIBEXECDIR="/usr/libexec"
EOF
if ! git ls-files 'manifest/*.c' 'apply/*.c' 'mkdelta/*.c' 'hosting/*.c' |
    xargs -P 2 -n 8 clang-tidy --quiet -p build/tidy > build/tidy.txt 2> /dev/null; then
	grep -E 'warning:|error:' build/tidy.txt | sort -u | head -n 30
	rc=1
fi
[ $rc -eq 0 ] && echo "lint: clean"
exit $rc
