#!/bin/bash
# check-golden-arch.sh [ARCH]... - the golden deltas on other machines: mkdelta is
# built for arm (32 bits), arm64 and s390x (the other byte order), and run by
# qemu-user.  Each delta must make the same tree, and each encoder the same delta as
# the native one.  With those libraries of Debian in build/arch/ARCH/root; nothing of
# the machine changes.  Closes with "N passed, N failed"; 77 without the tools.
set -u
cd "$(dirname "$0")/.." || exit 2
[ $# -gt 0 ] || set -- armhf arm64 s390x
passed=0 failed=0

# what ARCH: its names elsewhere, as triplet and qemu.
what() {
	case $1 in
	armhf) triplet=arm-linux-gnueabihf qemu=qemu-arm-static ;;
	arm64) triplet=aarch64-linux-gnu qemu=qemu-aarch64-static ;;
	s390x) triplet=s390x-linux-gnu qemu=qemu-s390x-static ;;
	*) echo "$1: armhf, arm64 or s390x is meant" >&2; exit 2 ;;
	esac
}

for arch in "$@"; do
	what "$arch"
	for tool in $triplet-gcc $qemu mmdebstrap; do
		command -v "$tool" > /dev/null && continue
		echo "check-golden-arch: no $tool; scripts/deps arch installs it" >&2
		exit 77
	done
done

build() {
	PKG_CONFIG_SYSROOT_DIR=$root \
	    PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig \
	    make -j2 -s BUILD="build/arch/$arch" CC="$triplet-gcc --sysroot=$root" \
	    AR="$triplet-ar" LDFLAGS="-Wl,-rpath-link,$root/usr/lib/$triplet:$root/lib/$triplet" \
	    "build/arch/$arch/bin/mkdelta" && "$qemu" -L "$root" "build/arch/$arch/bin/mkdelta" --version
}

# say ARCH FILE: its TAP lines, under the architecture's name, and add them up.
say() {
	sed -E "s/^(not )?ok [0-9]+ - /&$1: /" "$2"
	passed=$((passed + $(grep -c '^ok ' "$2")))
	failed=$((failed + $(grep -c '^not ok ' "$2")))
}

make -j2 -s build/bin/mkdelta || exit 1
for arch in "$@"; do
	what "$arch"
	root=$PWD/build/arch/$arch/root
	if ! scripts/sysroot.sh "$arch" "$root" || ! build; then
		echo "not ok - $arch: nothing to run"
		failed=$((failed + 1))
		continue
	fi
	ENCODER=$PWD/build/bin/mkdelta tests/golden/check.sh "$qemu" -L "$root" \
	    "$PWD/build/arch/$arch/bin/mkdelta" > "build/arch/$arch/tap"
	say "$arch" "build/arch/$arch/tap"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
