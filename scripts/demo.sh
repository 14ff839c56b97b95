#!/bin/bash
# demo.sh BIN - the whole way once, on this machine: three real releases of a
# real product become signed deltas, nginx serves them, a device updates, and a
# bad release is rolled back.  Everything happens in a temporary folder.
set -eu

bin=$(cd "${1:-build/bin}" && pwd)
product=@esbuild/linux-arm64
versions="0.25.10 0.25.11 0.25.12"
cache=${DEMO_CACHE:-$PWD/build/demo}

work=$(mktemp -d "${TMPDIR:-/tmp}/mkdelta-demo.XXXXXX")
cleanup() {
	[ ! -s "$work/nginx/pid" ] || kill "$(cat "$work/nginx/pid")" 2> /dev/null || true
	chmod -R u+rwx "$work" 2> /dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -t 1 ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') off=$(printf '\033[0m')
else bold='' dim='' off=''; fi
chapter() { printf '\n%s%s%s\n' "$bold" "$1" "$off"; }
# show COMMAND...: the command as a user types it, then what it says.
show() {
	printf '%s$ %s%s\n' "$dim" "$*" "$off"
	"$@" 2>&1 | sed 's/^/  /'
	return "${PIPESTATUS[0]}"
}

fetch() {
	version=$1
	[ ! -d "$cache/$version/package" ] || return 0
	mkdir -p "$cache/$version.part"
	if ! (cd "$cache/$version.part" && npm pack --silent "$product@$version") \
	    > "$work/npm.log" 2>&1; then
		tail -n 5 "$work/npm.log" >&2
		cat >&2 <<-EOF
		demo: cannot fetch $product $version with the npm client.
		demo: without network, give three releases of your own, oldest first:
		demo:     make demo DEMO_TREES="app-1.0/ app-1.1/ app-1.2/"
		EOF
		exit 3
	fi
	tar -xzf "$cache/$version.part"/*.tgz -C "$cache/$version.part"
	rm -f "$cache/$version.part"/*.tgz
	rm -rf "${cache:?}/$version"
	mv "$cache/$version.part" "$cache/$version"
}

trees=()
if [ -n "${DEMO_TREES:-}" ]; then
	# shellcheck disable=SC2086  # a list of folders
	for tree in $DEMO_TREES; do trees+=("$(cd "$tree" && pwd)"); done
	versions="1 2 3"
else
	for version in $versions; do
		fetch "$version"
		trees+=("$cache/$version/package")
	done
fi

PATH=$bin:$PATH
export PATH
unset CI
cd "$work"

chapter "1. Release CI: three releases of $product, signed, with deltas"
show mkdelta init repo
i=0
for version in $versions; do
	show mkdelta release repo "linux-arm64=${trees[$i]}" --version "$version"
	i=$((i + 1))
done
show mkdelta list repo

chapter "2. Any static host: here nginx on loopback"
port=0
for try in $(seq 20); do
	port=$((20000 + (RANDOM + try) % 20000))
	(exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || break
done
mkdir nginx
delta-host config nginx --root "$work/www" --listen "127.0.0.1:$port" > nginx/site.conf
cat > nginx/nginx.conf <<EOF
daemon on; pid $work/nginx/pid; error_log $work/nginx/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log $work/nginx/access.log;
  client_body_temp_path $work/nginx/t1; proxy_temp_path $work/nginx/t2;
  fastcgi_temp_path $work/nginx/t3; uwsgi_temp_path $work/nginx/t4; scgi_temp_path $work/nginx/t5;
  include $work/nginx/site.conf;
}
EOF
show delta-host publish repo www
chmod 755 "$work"
PATH=$PATH:/usr/sbin nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf"

# With trees of one's own: their largest file stands for the executable.
main=bin/esbuild
[ -e "${trees[2]}/$main" ] || main=$(cd "${trees[2]}" && find . -type f -printf '%s %P\n' |
    sort -n | tail -n 1 | cut -d' ' -f2-)
size=$(($(stat -c %s "${trees[2]}/$main") / 2))

chapter "3. A device: install release 1, then update by the cheapest chain"
cat > device.conf <<EOF
[app]
name = demo
root = $work/opt/demo
state = $work/var/demo
run = $work/run/demo
url = http://127.0.0.1:$port
platform = linux-arm64
[trust]
root = $work/repo/metadata/1.root.json
[health]
command = test "\$(stat -c %s $work/opt/demo/current/$main)" -gt $size
retries = 1
EOF
cat device.conf | sed 's/^/  /'
show delta-apply --config device.conf update --to 1
show delta-apply --config device.conf plan
show delta-apply --config device.conf update
cmp "$work/opt/demo/current/$main" "${trees[2]}/$main"
echo "  ($main is byte for byte that of the third release)"
show delta-apply --config device.conf status

chapter "4. The worst day: release 4 is broken, the device takes itself back"
cp -a "${trees[2]}" broken
truncate -s 1000 "broken/$main"
show mkdelta release repo "linux-arm64=broken" --version "${version}.1"
delta-host publish --quiet repo www
show delta-apply --config device.conf update || echo "  (exit status $?)"
show delta-apply --config device.conf status

printf '\n%s\n' "That was all: no server but nginx, and everything lay in $work, which is gone now."
