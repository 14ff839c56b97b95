#!/bin/bash
# deb.sh ARCH [OUT] - packages of this tree for amd64, arm64 or armhf in OUT (default
# build/deb).  Each is the same byte for byte wherever and whenever it is built from
# the same commit.  Foreign machines: by cross compiler against a sysroot.
# DEB_VERSION: other than that of VERSION, for trying upgrades.
set -eu
cd "$(dirname "$0")/.."
arch=$1
out=${2:-build/deb}
version=${DEB_VERSION:-$(cat VERSION)}

case $arch in
amd64 | arm64 | armhf) ;;
*) echo "deb.sh: $arch: amd64, arm64 or armhf is meant" >&2; exit 2 ;;
esac

mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$out/$arch
tree=$work/mkdelta

# The tree as it is here, without what was built; objects of the last time stay.
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
if git rev-parse --git-dir > /dev/null 2>&1; then
	git ls-files -z --cached --others --exclude-standard | tar --null -cf - \
	    --ignore-failed-read -T - 2> /dev/null | tar -xpf - -C "$tree"
	SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
else
	tar --exclude=./build -cf - . | tar -xpf - -C "$tree"
	SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -S Timestamp)}
fi
export SOURCE_DATE_EPOCH

if [ "$(dpkg-parsechangelog -S Version)" != "$version" ]; then
	{
		echo "mkdelta ($version) unstable; urgency=medium"
		printf '\n  * Built from %s.\n\n -- %s  %s\n\n' "$(cat VERSION)" \
		    "$(dpkg-parsechangelog -S Maintainer)" \
		    "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
		cat debian/changelog
	} > "$tree/debian/changelog"
	echo "$version" > "$tree/VERSION"
fi

if [ "$arch" != "$(dpkg --print-architecture)" ]; then
	export SYSROOT=$PWD/build/arch/$arch/root
	scripts/sysroot.sh "$arch" "$SYSROOT"
fi

jobs=$(nproc)
export DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$((jobs > 2 ? jobs : 2))"
if ! (umask 022 && cd "$tree" &&
    dpkg-buildpackage -us -uc -b -d --host-arch="$arch") > "$work/log" 2>&1; then
	tail -n 30 "$work/log" >&2
	echo "deb.sh: $arch: not built; all it said is in $work/log" >&2
	exit 1
fi
for deb in "$work"/*_"${version}_$arch".deb; do
	echo "$(stat -c %s "$deb") $deb"
done
