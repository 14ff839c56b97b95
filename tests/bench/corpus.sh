#!/bin/bash
# corpus.sh DIR [PAIR...] - real releases to measure with: DIR/PAIR/old and new, each a
# file or a folder (pairs.tsv has the list).  What is there already stays; a pair that
# cannot be had is left out with a message.  Status 1 if none is there.
#
# npm packages come by npm; Debian's by apt with a state of its own in DIR/.fetch, so
# that other architectures do not touch this machine.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: corpus.sh DIR [PAIR...]" >&2; exit 2; }
mkdir -p "$1" || exit 1
dir=$(cd "$1" && pwd)
shift
fetch=$dir/.fetch
declare -A updated=()	# architectures whose lists were fetched
export LC_ALL=C SOURCE_DATE_EPOCH=1700000000

# table PAIR: its line as variables.
table() {
	IFS=$'\t' read -r name _ _ source old new path < <(
		awk -F'\t' -v p="$1" '$1 == p' "$here/pairs.tsv")
	[ "${name:-}" = "$1" ]
}

# npm_package NAME VERSION: the folder it stands in.
npm_package() {
	local to
	to=$fetch/npm/$(printf %s "$1@$2" | tr '/@' '__')
	if [ ! -d "$to" ]; then
		rm -rf "$to.part" && mkdir -p "$to.part" || return
		(cd "$to.part" && npm pack --silent "$1@$2" > /dev/null 2>> "$fetch/log" &&
		    mkdir all && tar -xzf ./*.tgz -C all --strip-components=1) || return
		mv "$to.part/all" "$to" && rm -rf "$to.part" || return
	fi
	echo "$to"
}

# npm_pair: of the line of the table, into $part.
npm_pair() {
	local a b
	a=$(npm_package "${source#npm:}" "$old") && b=$(npm_package "${source#npm:}" "$new") ||
	    return
	if [ "$path" = . ]; then
		cp -a "$a" "$part/old" && cp -a "$b" "$part/new"
	else
		# shellcheck disable=SC2086  # the path may be a pattern
		(cp "$a"/$path "$part/old" && cp "$b"/$path "$part/new") 2>> "$fetch/log"
	fi
}

# apt_for ARCH WORD...: apt-get for another architecture.
apt_for() {
	local arch=$1 state=$fetch/apt-$1
	shift
	mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial"
	[ -e "$state/status" ] || : > "$state/status"
	apt-get -q -o Dir::State="$state/state" -o Dir::State::status="$state/status" \
	    -o Dir::Cache="$state/cache" -o APT::Architecture="$arch" \
	    -o APT::Architectures::="$arch" "$@" >> "$fetch/log" 2>&1
}

# debian ARCH PACKAGE VERSION TO: unpacked into the folder TO.
debian() {
	local have
	have=$fetch/deb/$1-$2-$(printf %s "$3" | tr ':~+' '___')
	if [ ! -d "$have" ]; then
		# An index that fails (a mirror between two states) need not be the one we want.
		[ -n "${updated[$1]:-}" ] || apt_for "$1" update
		updated[$1]=yes
		rm -rf "$have.part" && mkdir -p "$have.part/all" || return
		(cd "$have.part" && apt_for "$1" download "$2=$3" && dpkg-deb -x ./*.deb all) \
		    2>> "$fetch/log" || return
		mv "$have.part/all" "$have" && rm -rf "$have.part" || return
	fi
	mkdir -p "$4" && cp -a "$have/." "$4/"
}

system_packages() {
	cat <<-END
	libssl3 3.0.20-1~deb12u2 3.0.22-1~deb12u2
	openssl 3.0.20-1~deb12u2 3.0.22-1~deb12u2
	libc6 2.36-9+deb12u7 2.36-9+deb12u14
	libc-bin 2.36-9+deb12u7 2.36-9+deb12u14
	python3.11-minimal 3.11.2-6+deb12u8 3.11.2-6+deb12u9
	libpython3.11-minimal 3.11.2-6+deb12u8 3.11.2-6+deb12u9
	libpython3.11-stdlib 3.11.2-6+deb12u8 3.11.2-6+deb12u9
	systemd 252.38-1~deb12u1 252.39-1~deb12u2
	libsystemd-shared 252.38-1~deb12u1 252.39-1~deb12u2
	libxml2 2.9.14+dfsg-1.3~deb12u4 2.9.14+dfsg-1.3~deb12u6
	libcurl4 7.88.1-10+deb12u5 7.88.1-10+deb12u15
	perl-base 5.36.0-7+deb12u3 5.36.0-7+deb12u4
	libglib2.0-0 2.74.6-2+deb12u2 2.74.6-2+deb12u9
	git 1:2.39.5-0+deb12u2 1:2.39.5-0+deb12u3
	END
}

make_debsys() {
	local package a b
	while read -r package a b; do
		debian arm64 "$package" "$a" "$part/old" &&
		    debian arm64 "$package" "$b" "$part/new" || return
	done < <(system_packages)
}

# The image of the kernel, and modules of some kinds; each path has the release in it.
make_kernel() {
	local side
	debian arm64 linux-image-6.1.0-50-arm64 6.1.176-1 "$part/all-old" &&
	    debian arm64 linux-image-6.1.0-56-arm64 6.1.192-2 "$part/all-new" || return
	for side in old new; do
		mkdir "$part/$side" && (cd "$part/all-$side" && tar -cf - boot/vmlinuz* \
		    lib/modules/*/kernel/{fs,net,crypto,drivers/usb}) | tar -xf - -C "$part/$side" &&
		    rm -rf "$part/all-$side" || return
	done
}

make_crypto-hf() {
	local side version
	for side in old:3.0.17-1~deb12u2 new:3.0.20-1~deb12u2; do
		version=${side#*:} side=${side%%:*}
		debian armhf libssl3 "$version" "$part/all" &&
		    cp "$part/all/usr/lib/arm-linux-gnueabihf/libcrypto.so.3" "$part/$side" &&
		    rm -rf "$part/all" || return
	done
}

# image PAIR: both sides of debsys by the function of the same name.
image() {
	local side
	pair debsys || return
	for side in old new; do
		"image_$1" "$dir/debsys/$side" "$part/$side" >> "$fetch/log" 2>&1 || return
	done
}
image_ext4() {
	mke2fs -q -t ext4 -b 4096 -O ^has_journal -U 11111111-2222-3333-4444-555555555555 \
	    -E hash_seed=11111111-2222-3333-4444-555555555555,root_owner=0:0 -d "$1" "$2" 192M
}
squash() {
	mksquashfs "$1" "$2" -noappend -quiet -no-progress -all-root -processors 1 "${@:3}"
}
image_sqfs-gz() { squash "$1" "$2" -comp gzip; }
image_sqfs-zstd() { squash "$1" "$2" -comp zstd -Xcompression-level 15 -b 131072; }
make_ext4() { image ext4; }
make_sqfs-gz() { image sqfs-gz; }
make_sqfs-zstd() { image sqfs-zstd; }

# pair NAME: fetched or made if it is not there.
pair() {
	local name source old new path part=$dir/.part-$1
	table "$1" || { echo "corpus: $1: no such pair" >&2; return 1; }
	[ ! -e "$dir/$1/new" ] || [ ! -e "$dir/$1/old" ] || return 0
	mkdir -p "$fetch" && rm -rf "$part" && mkdir "$part" || return
	echo "corpus: fetching $1" >&2
	case $source in
	npm:*) npm_pair ;;
	*) "make_$1" ;;
	esac
	if [ -e "$part/old" ] && [ -e "$part/new" ] && [ ! -e "$part/all" ] &&
	    rm -rf "${dir:?}/$1" && mv "$part" "$dir/$1"; then
		return 0
	fi
	rm -rf "$part"
	echo "corpus: $1: cannot be had, left out ($fetch/log says why)" >&2
	return 1
}

[ $# -gt 0 ] || mapfile -t all < <(awk -F'\t' '!/^#/ { print $1 }' "$here/pairs.tsv")
[ $# -gt 0 ] || set -- "${all[@]}"
there=1
for p in "$@"; do
	pair "$p" && there=0
done
exit $there
