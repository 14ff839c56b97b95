#!/bin/bash
# planted.sh BUILD [NAME...] - programs with a bug each (planted/NAME.patch): which rig
# finds it?  Those that leave a sync out have to be found by power cuts.  Fails when one
# is found by none.  A patch that does not apply any more is a failure too: make it anew.
# The columns: kill (torture.sh), ext4 and xfs (cutat.sh), replay (replay.sh on ext4).
#	CUTAT=n		points of each of cutat's modes (default 300)
#	STRIDE=n	of torture.sh (default 1)
#	EVERY=n		of replay.sh (default 4)
#	RIGS="..."	columns to try (default all of them)
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd) || exit 2
shift
work=$(mktemp -d "${TMPDIR:-/dev/shm}/planted.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
rigs=${RIGS:-kill ext4 xfs replay}
export CUTAT=${CUTAT:-300} STOP=1

# The program anew: the patched sources before the archives that hold the true ones.
plant() {
	local source objects=()
	rm -rf "$work/src" "$work/build"
	mkdir -p "$work/src" "$work/build/tests"
	cp -a "$build/bin" "$work/build/bin" && cp -a "$build/tests/rigs" "$work/build/tests/"
	for source in $(sed -n 's,^+++ b/,,p' "$1"); do
		mkdir -p "$work/src/$(dirname "$source")"
		cp "$top/$source" "$work/src/$source"
	done
	patch -s -d "$work/src" -p1 < "$1" || return
	for source in $(cd "$work/src" && find . -name '*.c'); do
		objects+=("$work/src/${source%.c}.o")
		cc -std=c11 -O1 -fPIE -I"$top" -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
		    -D_TIME_BITS=64 -DVERSION_TEXT='"planted"' -c \
		    -o "$work/src/${source%.c}.o" "$work/src/$source" || return
	done
	# shellcheck disable=SC2046  # options
	cc -pie -fno-lto -pthread -Wl,--gc-sections -o "$work/build/bin/delta-apply" \
	    "${objects[@]}" "$build/obj/apply/main.o" -Wl,--start-group \
	    "$build"/lib/{apply,decode,patch,manifest,base}.a -Wl,--end-group \
	    $(pkg-config --libs libcurl inih libarchive libzstd jansson libcrypto liblzma zlib)
}

try() {
	case $1 in
	kill) SCENES=plain PAIRS=0 bash "$here/torture.sh" "$work/build" ;;
	ext4 | xfs) SCENES=plain bash "$here/cutat.sh" "$work/build" "$1" ;;
	replay) MOUNT=noauto_da_alloc RANDOM_OF=8 EVERY=${EVERY:-4} SPARSE=8 \
	    bash "$here/replay.sh" "$work/build" ext4 plain update ;;
	esac
}

passed=0 failed=0
names="$*"
for name in ${names:-$(cd "$here/planted" && echo *.patch)}; do
	name=${name%.patch} found=
	line=$name
	if ! plant "$here/planted/$name.patch"; then
		echo "not ok - $name: the patch does not apply, or does not build"
		failed=$((failed + 1))
		continue
	fi
	for rig in $rigs; do
		if try "$rig" > "$work/out" 2>&1; then
			line="$line | $rig: no"
		elif grep -q '^not ok' "$work/out"; then
			found=yes
			line="$line | $rig: $(grep -m 1 '^not ok' "$work/out" |
			    sed 's/^not ok - //')"
		else
			line="$line | $rig: did not run"
		fi
	done
	echo "# $line"
	if [ -n "$found" ]; then
		passed=$((passed + 1))
	else
		echo "not ok - $name: no rig finds it"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
