#!/bin/bash
# run.sh BUILD - the packages, as people get them: lintian, what they weigh and need,
# the same bytes from another folder, and a life in a Debian 12 that systemd boots
# (booted.sh) and in one without systemd (cron.sh), which is arm64 as well.
# ARCHS="amd64 arm64 armhf" builds those; needs root.  Closes with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
here=$PWD
build=$PWD/$1
archs=${ARCHS:-$(dpkg --print-architecture)}
native=$(dpkg --print-architecture)
work=$PWD/build/packages
new=$(cat VERSION)+1
passed=0 failed=0
[ "$(id -u)" -eq 0 ] || { echo "check-packages: needs root, for roots of Debian" >&2; exit 77; }
mkdir -p "$work"

ok() { echo "ok - $1"; passed=$((passed + 1)); }
not_ok() { echo "not ok - $1"; failed=$((failed + 1)); }
# check NAME COMMAND...: its output is shown when it fails.
check() {
	local name=$1
	shift
	if "$@" > "$work/out" 2>&1; then ok "$name"; else tail -n 40 "$work/out"; not_ok "$name"; fi
}
# Lines "ok - ..." and "not ok - ..." that something in a root said.
count() {
	grep -E '^(not )?ok - ' "$2" | sed "s/ok - /ok - $1: /"
	passed=$((passed + $(grep -c '^ok - ' "$2")))
	failed=$((failed + $(grep -c '^not ok - ' "$2")))
	if grep -q '^the end$' "$2" && ! grep -q '^not ok' "$2"; then return; fi
	tail -n 60 "$2"
	grep -q '^the end$' "$2" || not_ok "$1: comes to its end"
}

say_nothing() { # lintian, from a warning on
	lintian --allow-root -L '>=warning' "$@" > "$work/lintian" 2>&1
	cat "$work/lintian"
	[ ! -s "$work/lintian" ]
}

figures() {
	for deb in build/deb/"$1"/*_"$(cat VERSION)_$1".deb; do
		echo "# figure: package $(dpkg-deb -f "$deb" Package) $1: $(stat -c %s "$deb") bytes," \
		    "installed $(dpkg-deb -f "$deb" Installed-Size) KiB," \
		    "needs $(dpkg-deb -f "$deb" Depends | sed 's/ ([^)]*)//g; s/, / /g')"
	done
}

# The packages from a copy of this tree under another name.
same_bytes() {
	local copy=$work/elsewhere/with/a/longer/name
	rm -rf "$work/elsewhere"
	mkdir -p "$copy"
	git ls-files -z --cached --others --exclude-standard | tar --null -cf - \
	    --ignore-failed-read -T - 2> /dev/null | tar -xf - -C "$copy"
	(cd "$copy" && umask 077 &&
	    SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct) TZ=Asia/Tokyo \
	    scripts/deb.sh "$native" "$copy/out") || return 1
	for deb in build/deb/"$native"/*_"$(cat VERSION)_$native".deb; do
		cmp "$deb" "$copy/out/$native/$(basename "$deb")" || return 1
	done
	rm -rf "$work/elsewhere"
}

mirror() {
	# shellcheck disable=SC2016  # apt-get's own words
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	    'Release: bookworm' | head -n 1
}

# root ARCH: a fresh Debian with what the package needs, from a cached archive.
root() {
	local libraries
	libraries=$(dpkg-deb -f build/deb/"$1"/delta-apply_*_"$1".deb Depends |
	    sed 's/([^)]*)//g; s/ //g' | sort -u | head -n 1)
	if [ ! -e "$work/root-$1.tar" ]; then
		setsid mmdebstrap --quiet --architectures="$1" --variant=minbase \
		    --include="systemd-sysv,cron,init-system-helpers,$libraries" \
		    bookworm "$work/root.tar" "${MIRROR:-$(mirror)}" < /dev/null || return 1
		mv "$work/root.tar" "$work/root-$1.tar"
	fi
	rm -rf "$work/root"
	mkdir -p "$work/root/shared"
	tar -xf "$work/root-$1.tar" -C "$work/root"
	cp -r "$here/tests/packages" "$work/root/packages"
	cp build/deb/"$1"/delta-apply_*_"$1".deb "$work/root/packages/"
	if [ "$1" != amd64 ]; then
		cp build/deb/amd64/delta-apply_"$(cat VERSION)"_amd64.deb "$work/root/packages/foreign.deb"
	else
		cp build/deb/arm64/delta-apply_"$(cat VERSION)"_arm64.deb "$work/root/packages/foreign.deb" 2> /dev/null
	fi
}

# tree N: the application.  Release 3 says that it is not well.
tree() {
	mkdir -p "$work/tree/bin" && rm -rf "${work:?}/tree/shared"
	printf '#!/bin/sh\nwhile sleep 1; do :; done # %s\n' "$1" > "$work/tree/bin/demo"
	printf '#!/bin/sh\n[ %s -ne 3 ]\n' "$1" > "$work/tree/bin/well"
	chmod 755 "$work"/tree/bin/*
	[ "$1" -ne 4 ] || openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff \
	    -iv 00000000000000000000000000000000 -in /dev/zero 2> /dev/null |
	    head -c 6000000 > "$work/tree/large"
}

begin() { rm -rf "$work/shared/www" && cp -a "$work/shared/www-1" "$work/shared/www"; }

# www-1 ... www-5, each a state of the host; www is the one that is served.
releases() {
	rm -rf "$work/shared" "$work/tree" "$work/repo" "$work/repo.keys"
	mkdir -p "$work/shared"
	"$build/bin/mkdelta" init "$work/repo" -q || return 1
	for n in 1 2 3 4 5; do
		tree $n
		"$build/bin/mkdelta" release "$work/repo" "$work/tree" --version "v$n" -q &&
		    "$build/bin/delta-host" publish "$work/repo" "$work/shared/www-$n" -q || return 1
	done
	chmod -R a+rX "$work/shared"
	begin
	cp "$work/repo/metadata/1.root.json" "$work/shared/"
}

nginx_pid=
serve() {
	local port=$1 dir=$work/nginx
	rm -rf "$dir" && mkdir -p "$dir"
	"$build/bin/delta-host" config nginx --root "$work/shared/www" --listen "127.0.0.1:$port" |
	    sed 's/^\(\s*\)root /\1limit_rate 1m;\n&/' > "$dir/site.conf"
	cat > "$dir/nginx.conf" <<END
daemon off; pid $dir/pid; error_log $dir/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log $dir/access.log;
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  include $dir/site.conf;
}
END
	chmod 755 "$work"
	nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" > /dev/null 2>&1 &
	nginx_pid=$!
	for _ in $(seq 50); do
		curl -sf "http://127.0.0.1:$port/metadata/timestamp.json" > /dev/null && return
		sleep 0.1
	done
	cat "$dir/error.log"
	return 1
}
quit() {
	[ -z "$nginx_pid" ] || kill "$nginx_pid" 2> /dev/null
	rm -rf "$work/root" "$work/elsewhere"
}
trap quit EXIT

echo "PORT=${PORT:=$((20000 + $$ % 20000))} NEW=$new" > "$work/env"
for arch in $archs; do
	check "$arch: packages are built" scripts/deb.sh "$arch"
	check "$arch: lintian has no error and no warning" say_nothing \
	    build/deb/"$arch"/*_"$(cat VERSION)_$arch".changes
	figures "$arch"
done
[ -n "${QUICK:-}" ] || check "the same bytes from another folder, umask and time zone" same_bytes
# Another version, for upgrades, in a folder of its own.
check "the next version is built" env DEB_VERSION="$new" scripts/deb.sh "$native" "$work/next"
check "five releases" releases
check "nginx serves them" serve "$PORT"

if root "$native" && cp "$work/next/$native/delta-apply_${new}_$native.deb" \
    "$work/root/packages/next.deb"; then
	cp "$work/env" "$work/root/packages/env"
	ln -sf ../booted.service "$work/root/etc/systemd/system/multi-user.target.wants/" &&
	    cp tests/packages/booted.service "$work/root/etc/systemd/system/"
	timeout 300 systemd-nspawn --register=no --keep-unit -q -D "$work/root" \
	    --bind="$work/shared:/shared" -b < /dev/null > "$work/boot.log" 2>&1
	cp "$work/root/packages/said" "$work/booted.out" 2> /dev/null || cp "$work/boot.log" "$work/booted.out"
	count booted "$work/booted.out"
else
	not_ok "a root of $native"
fi

for arch in $archs; do
	case $arch in
	"$native") ;;
	arm64) qemu=aarch64 ;;
	armhf) qemu=arm ;;
	esac
	if [ "$arch" != "$native" ] && [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$qemu" ]; then
		mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2> /dev/null
		cat /usr/lib/binfmt.d/qemu-$qemu.conf > /proc/sys/fs/binfmt_misc/register 2> /dev/null
	fi
	if ! root "$arch"; then
		not_ok "a root of $arch"
		continue
	fi
	cp "$work/env" "$work/root/packages/env"
	begin
	timeout 600 unshare -mpf --mount-proc="$work/root/proc" sh -c "
	    mount --bind '$work/shared' '$work/root/shared' &&
	    mount -t tmpfs tmpfs '$work/root/run' && mount -t tmpfs tmpfs '$work/root/tmp' &&
	    mount --bind /dev '$work/root/dev' &&
	    exec chroot '$work/root' sh /packages/cron.sh" < /dev/null > "$work/cron-$arch.out" 2>&1
	count "$arch without systemd" "$work/cron-$arch.out"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
