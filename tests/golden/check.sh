#!/bin/bash
# check.sh MKDELTA [WORD]... - apply every golden delta by that command, and make each
# anew with it: TAP lines, exit 1 when anything failed.  With ENCODER=PROGRAM what is
# made anew is compared with what that program makes.
set -u
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 n=0

# tell NAME COMMAND...
tell() {
	n=$((n + 1))
	fact=$1
	shift
	if "$@" > "$work/log" 2>&1; then
		echo "ok $n - $fact"
	else
		echo "not ok $n - $fact"
		sed 's/^/# /' "$work/log"
		failed=1
	fi
}

applied() {
	[ "$(sha256sum < "$name.delta" | cut -c1-64)" = "$sum" ] || {
		echo "$name.delta is not the one of SUMS"
		return 1
	}
	rm -rf "$work/pair/got"
	[ -z "$alone" ] || mkdir "$work/pair/got"
	$program patch -q "$work/pair/old$alone" "$name.delta" "$work/pair/got$alone" || return 1
	./facts.sh "$work/pair/got" > "$work/got"
	[ "$(sha256sum < "$work/got" | cut -c1-64)" = "$tree" ] || {
		echo "another tree than that of SUMS:"
		./facts.sh "$work/pair/new" | diff - "$work/got"
		return 1
	}
}

encoded() {
	$program diff -q -f "$work/pair/old$alone" "$work/pair/new$alone" "$work/here" &&
	    "$ENCODER" diff -q -f "$work/pair/old$alone" "$work/pair/new$alone" "$work/there" &&
	    cmp "$work/here" "$work/there"
}

program=$*
while read -r sum tree name; do
	rm -rf "$work/pair"
	mkdir "$work/pair"
	tar -xJpf "$name.tar.xz" -C "$work/pair" || exit 2
	# A pair of single files has this name.
	alone=
	[ ! -e "$work/pair/old/alone" ] || alone=/alone
	tell "$name is applied" applied
	[ -z "${ENCODER:-}" ] || tell "$name is encoded as elsewhere" encoded
done < SUMS
[ $n -gt 0 ] || exit 2
echo "1..$n"
exit $failed
