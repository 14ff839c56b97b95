#!/bin/bash
# swift.sh DIR [stop] - OpenStack Swift on one node, on loopback: an S3 server that
# verifies SigV4 (its s3api).  Prints and leaves in DIR/env the port of the endpoint; key
# test:tester, secret testing, region us-east-1.  Needs root, for a private mount over
# /etc/swift; nothing outside DIR is changed.
set -eu
dir=$1
if [ "${2:-}" = stop ]; then
	for file in "$dir"/*.pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")" 2> /dev/null || true
		rm -f "$file"
	done
	exit 0
fi
mkdir -p "$dir"/etc "$dir"/srv/d1 "$dir"/log
read -r port account container object cache < <(python3 -c 'import socket
found = [socket.socket() for _ in range(5)]
for s in found:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in found])')
cat > "$dir/etc/swift.conf" << EOF1
[swift-hash]
swift_hash_path_suffix = rig
swift_hash_path_prefix = rig
[storage-policy:0]
name = one
default = yes
EOF1
for pair in account:"$account" container:"$container" object:"$object"; do
	name=${pair%:*}
	cat > "$dir/etc/$name-server.conf" << EOF1
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${pair#*:}
user = $(id -un)
swift_dir = $dir/etc
devices = $dir/srv
mount_check = false
workers = 0
log_facility =
log_level = WARNING
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
EOF1
done
/usr/bin/python3 - "$dir/etc" "$account" "$container" "$object" << 'EOF1'
import sys
from swift.common.ring import RingBuilder
where, *ports = sys.argv[1:]
for name, port in zip(("account", "container", "object"), ports):
    ring = RingBuilder(4, 1, 0)
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port),
                  "replication_ip": "127.0.0.1", "replication_port": int(port),
                  "device": "d1", "weight": 1.0, "meta": ""})
    ring.rebalance()
    ring.get_ring().save(f"{where}/{name}.ring.gz")
EOF1
filters="catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo"
{
	cat << EOF1
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
user = $(id -un)
swift_dir = $dir/etc
workers = 0
log_level = WARNING
[pipeline:main]
pipeline = $filters dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
EOF1
	for name in $filters dlo; do
		use=$name
		[ "$name" != cache ] || use=memcache
		printf '[filter:%s]\nuse = egg:swift#%s\n' "$name" "$use"
		case $name in
		s3api) echo "location = us-east-1" ;;
		tempauth) echo "user_test_tester = testing .admin http://127.0.0.1:$port/v1/AUTH_test" ;;
		cache) echo "memcache_servers = 127.0.0.1:$cache" ;;
		esac
	done
} > "$dir/etc/proxy-server.conf"
memcached -u "$(id -un)" -l 127.0.0.1 -p "$cache" -m 16 -U 0 > "$dir/log/memcached" 2>&1 &
echo $! > "$dir/memcached.pid"
for name in account container object proxy; do
	# shellcheck disable=SC2016  # for the inner shell
	unshare -m sh -c 'mount --bind "$1/etc" /etc/swift; echo $$ > "$1/$2.pid"
	    exec /usr/bin/swift-$2-server "$1/etc/$2-server.conf" -v' - "$dir" "$name" \
	    > "$dir/log/$name" 2>&1 &
done
for _ in $(seq 600); do
	! curl -fs -o /dev/null "http://127.0.0.1:$port/healthcheck" || break
	sleep 0.1
done
echo "S3_PORT=$port" | tee "$dir/env"
