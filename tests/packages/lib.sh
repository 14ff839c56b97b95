# shellcheck shell=sh
# What booted.sh and cron.sh share; both run as root in a root of their own.
. /packages/env
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@" > /tmp/out 2>&1; then echo "ok - $name"; else cat /tmp/out; echo "not ok - $name"; fi
}
# within SECONDS COMMAND...: until it succeeds.
within() {
	end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.5
	done
}
# The host follows no links.
serve() {
	rm -rf /shared/www.old && cp -a "/shared/www-$1" /shared/www.new &&
	    mv /shared/www /shared/www.old && mv /shared/www.new /shared/www
}
runs() { delta-apply version 2> /dev/null | grep -q " v$1\$"; }
lacks() { ! [ -e "$1" ]; }
refused() { ! "$@"; }
package() { ls /packages/delta-apply_*.deb; }

configure() {
	cp /shared/1.root.json /etc/delta-apply/demo.root.json
	cat > /etc/delta-apply/demo.conf <<END
[app]
name = demo
root = /opt/demo
url = http://127.0.0.1:$PORT
[trust]
root = /etc/delta-apply/demo.root.json
[service]
$1
[health]
command = /opt/demo/current/bin/well
retries = 2
interval = 1
hold = 1
END
}
