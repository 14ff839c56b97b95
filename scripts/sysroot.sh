#!/bin/bash
# sysroot.sh ARCH DIR - the libraries of another machine, from Debian 12, unpacked in
# DIR and not installed: nothing of theirs runs, nothing of this machine changes.
# DIR/var/lib/dpkg tells dpkg-shlibdeps which package has which library.  Done once.
set -eu
arch=$1
root=$2
libraries=libc6-dev,libssl-dev,libzstd-dev,liblzma-dev,zlib1g-dev,libbz2-dev
libraries=$libraries,libdivsufsort-dev,libarchive-dev,libjansson-dev,libcmocka-dev
libraries=$libraries,libinih-dev,libcurl4-openssl-dev
[ ! -e "$root/.complete" ] || exit 0

# As hook of mmdebstrap: what dpkg would know had it installed these.
if [ "$arch" = --database ]; then
	info=$root/var/lib/dpkg/info
	mkdir -p "$info"
	echo 1 > "$info/format"
	: > "$root/var/lib/dpkg/status"
	for deb in "$root"/var/cache/apt/archives/*.deb; do
		name=$(dpkg-deb -f "$deb" Package)
		[ "$(dpkg-deb -f "$deb" Multi-Arch)" != same ] ||
		    name=$name:$(dpkg-deb -f "$deb" Architecture)
		{
			dpkg-deb -f "$deb" | sed '1a Status: install ok installed'
			echo
		} >> "$root/var/lib/dpkg/status"
		# By the paths at which the tools of this machine find them.
		dpkg-deb --fsys-tarfile "$deb" | tar -t |
		    sed "s|^\./*|$root/|; s|/*\$||" > "$info/$name.list"
		for file in symbols shlibs; do
			dpkg-deb -I "$deb" $file > "$info/$name.$file" 2> /dev/null ||
			    rm -f "$info/$name.$file"
		done
	done
	exit 0
fi

# The mirror that this machine installs from, or MIRROR.
mirror() {
	# shellcheck disable=SC2016  # apt-get's own words
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	    'Release: bookworm' | head -n 1
}

self=$(realpath "$0")
rm -rf "$root"
mkdir -p "$root"
root=$(cd "$root" && pwd)
setsid mmdebstrap --quiet --architectures="$arch" --variant=extract \
    --include="$libraries" --extract-hook="$self --database \"\$1\"" \
    bookworm "$root" "${MIRROR:-$(mirror)}" < /dev/null
# Links such as libz.so -> /lib/... mean those of DIR, or the archive would be linked.
find "$root" -type l -lname '/*' | while read -r link; do
	ln -snf "$(realpath -ms --relative-to="$(dirname "$link")" "$root$(readlink "$link")")" "$link"
done
touch "$root/.complete"
