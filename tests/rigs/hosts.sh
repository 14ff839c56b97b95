#!/bin/bash
# hosts.sh BUILD - publish, verify, pull and prune against real servers: Swift's S3, which
# verifies SigV4, with and without names that are created exclusively, a public bucket, and
# nginx with TLS and HTTP/2 as a caching proxy in front.  Closes with "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
PATH=$(cd "$1/bin" && pwd):$PATH
export PATH
if [ "$(id -u)" -ne 0 ] || ! command -v swift-proxy-server > /dev/null; then
	echo "skipped: needs root, and Swift (scripts/deps hosts)"
	[ "${CI:-}" != true ] && exit 0
	exit 1
fi
lab=$(mktemp -d /tmp/hosts.XXXXXX)
chmod 0755 "$lab"
front='' passed=0 failed=0
cleanup() {
	[ -z "$front" ] || kill "$front" 2> /dev/null
	[ ! -e "$lab/nginx/pid" ] || kill "$(cat "$lab/nginx/pid")" 2> /dev/null
	bash "$here/swift.sh" "$lab/swift" stop
	rm -rf "$lab"
}
trap cleanup EXIT
cd "$lab" || exit 2

# fact NAME: what stands on standard input, as a script; -e.
fact() {
	if bash -eu > out 2>&1; then
		passed=$((passed + 1))
		echo "ok - $1"
	else
		failed=$((failed + 1))
		echo "not ok - $1"
		tail -n 15 out
	fi
}

unset AWS_CA_BUNDLE
bash "$here/swift.sh" "$lab/swift" > /dev/null
# shellcheck disable=SC1091
. "$lab/swift/env"
front_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 "$here/s3front.py" "$front_port" "$S3_PORT" 2> front.log &
front=$!
export S3_PORT front_port RCLONE_CONFIG=/dev/null AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing
for pair in PLAIN:"$S3_PORT" FRONT:"$front_port"; do
	name=RCLONE_CONFIG_${pair%:*}
	export "${name}_TYPE=s3" "${name}_PROVIDER=Other" "${name}_REGION=us-east-1" \
	    "${name}_ENV_AUTH=true" "${name}_ENDPOINT=http://127.0.0.1:${pair#*:}"
done

mkdelta init -q repo
mkdir -p t
seq 30000 > t/app
mkdelta release -q --notes '# One' repo t && cp -a repo repo1
seq 5 30000 > t/app
mkdelta release -q repo t && cp -a repo repo2
cp -a repo1 twin
seq 9 30000 > t/app
mkdelta release -q twin t --keys repo.keys
rclone mkdir plain:rel && rclone mkdir front:two

fact "publish to S3 with SigV4, and again" << 'END'
delta-host publish --json repo1 rclone:plain:rel/app | grep '"exclusive": false'
delta-host publish -q repo2 rclone:plain:rel/app
delta-host publish repo2 rclone:plain:rel/app 2>&1 | grep 'everything already'
[ "$(rclone lsf -R --files-only plain:rel/app | sort)" = "$(cd repo2; find metadata targets -type f | sort)" ]
END

fact "a wrong secret publishes nothing and is not on a command line" << 'END'
status=0
AWS_SECRET_ACCESS_KEY=wrong delta-host publish -q repo1 rclone:plain:rel/none || status=$?
[ $status -eq 3 ]
[ -z "$(rclone lsf plain:rel/none 2> /dev/null)" ]
END

fact "a bucket that is not there is said" << 'END'
status=0
delta-host publish -q repo1 rclone:plain:nothing/app || status=$?
[ $status -eq 3 ]
END

fact "a public bucket has the headers of each class, and ranges" << 'END'
token=$(curl -si -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' \
    "http://127.0.0.1:$S3_PORT/auth/v1.0" | tr -d '\r' | sed -n 's/^X-Auth-Token: //Ip')
curl -fs -X POST -H "X-Auth-Token: $token" -H 'X-Container-Read: .r:*' \
    "http://127.0.0.1:$S3_PORT/v1/AUTH_test/rel"
at=http://127.0.0.1:$S3_PORT/v1/AUTH_test/rel/app
curl -fsI "$at/metadata/timestamp.json" | tee head
grep -i 'cache-control: public, max-age=60' head
grep -i 'content-type: application/json' head
full=$(cd repo2; ls targets/2/*.tar.zst)
curl -fsI "$at/$full" | tee head
grep -i 'cache-control: public, max-age=31536000, immutable' head
grep -i 'content-type: application/zstd' head
curl -fs -r 10-19 "$at/$full" | cmp - <(tail -c +11 "repo2/$full" | head -c 10)
END

fact "verify finds the bucket good" << 'END'
delta-host verify --root repo/metadata/1.root.json --json \
    "http://127.0.0.1:$S3_PORT/v1/AUTH_test/rel/app" | tee verdict
grep -E '"verdict": "(good|warning)"' verdict
[ -z "$(grep -E 'not served|Content-Encoding' verdict)" ]
END

fact "names are created exclusively where the store can" << 'END'
delta-host publish --json repo1 rclone:front:two/app
delta-host publish --json repo2 rclone:front:two/app | grep '"exclusive": true'
END

fact "of two publishers at once one loses and replaces nothing" << 'END'
rclone mkdir front:three
delta-host publish -q repo1 rclone:front:three/app
delta-host publish -q repo2 rclone:front:three/app & one=$!
delta-host publish -q twin rclone:front:three/app & other=$!
a=0 b=0
wait $one || a=$?
wait $other || b=$?
echo "$a $b"
[ "$a $b" = "0 5" ] || [ "$a $b" = "5 0" ]
winner=repo2
[ $a -eq 0 ] || winner=twin
rclone check --download --one-way --include '/metadata/**' --include '/targets/**' $winner front:three/app
END

fact "killed now and then, it is run again" << 'END'
rclone mkdir plain:four
delta-host publish -q repo1 rclone:plain:four/app
for wait in 0.3 0.8 1.5 2.5 4; do
	timeout -s KILL $wait delta-host publish -q repo2 rclone:plain:four/app || true
	rclone cat plain:four/app/metadata/timestamp.json > now
	cmp now repo1/metadata/timestamp.json || cmp now repo2/metadata/timestamp.json
done
delta-host publish -q repo2 rclone:plain:four/app
END

# nginx as delta-host config makes it cannot proxy; this is the recipe of docs/hosting.md.
mkdir -p nginx/cache
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key \
    -out tls.crt -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2> /dev/null
tls=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export tls
cat > nginx/nginx.conf << END
daemon on; pid $lab/nginx/pid; error_log $lab/nginx/log; worker_processes 1;
events { }
http {
  access_log off;
  client_body_temp_path $lab/nginx/t1; proxy_temp_path $lab/nginx/t2;
  fastcgi_temp_path $lab/nginx/t3; uwsgi_temp_path $lab/nginx/t4; scgi_temp_path $lab/nginx/t5;
  proxy_cache_path $lab/nginx/cache keys_zone=updates:1m max_size=1g;
  server {
    listen 127.0.0.1:$tls ssl http2;
    ssl_certificate $lab/tls.crt; ssl_certificate_key $lab/tls.key;
    location / {
      proxy_pass http://127.0.0.1:$S3_PORT/v1/AUTH_test/rel/;
      proxy_cache updates;
      proxy_cache_valid 404 403 10s;
      proxy_ignore_headers Set-Cookie;
      proxy_force_ranges on;
      proxy_set_header Accept-Encoding "";
      gzip off;
      add_header X-Cache \$upstream_cache_status;
    }
  }
}
END
nginx -e "$lab/nginx/log" -c "$lab/nginx/nginx.conf"

fact "a caching proxy with TLS and HTTP/2 serves it, ranges from the cache" << 'END'
at=https://127.0.0.1:$tls/app
for i in 1 2; do
	delta-host verify --ca-file tls.crt --root repo/metadata/1.root.json --json $at | tee verdict
	grep -E '"verdict": "(good|warning)"' verdict
	[ -z "$(grep -E 'not served|Content-Encoding' verdict)" ]
done
full=$(cd repo2; ls targets/2/*.tar.zst)
curl -s --cacert tls.crt --http2 -o /dev/null -D - -r 5-9 "$at/$full" | tr -d '\r' | tee head
grep '^HTTP/2 206' head
grep -i '^x-cache: HIT' head
END

fact "a device updates through it" << 'END'
printf '[app]\nname = app\nroot = %s/dev/app\nstate = %s/dev/state\nrun = %s/dev/run\n' "$PWD" "$PWD" "$PWD" > app.conf
printf 'url = https://127.0.0.1:%s/app\nplatform = any\n[trust]\nroot = %s\n[net]\nca-file = %s\n' \
    "$tls" "$PWD/repo/metadata/1.root.json" "$PWD/tls.crt" >> app.conf
delta-apply --config app.conf update
cmp dev/app/current/app <(seq 5 30000)
END

fact "a job pulls from it, releases, publishes, prunes" << 'END'
delta-host pull --ca-file tls.crt --root repo/metadata/1.root.json https://127.0.0.1:$tls/app job
seq 7 30000 > t/app
mkdelta release -q job t --keys repo.keys
delta-host publish -q job rclone:plain:rel/app
mkdelta prune -q --keep 1 job --keys repo.keys
delta-host publish -q job rclone:plain:rel/app
delta-host prune --json job rclone:plain:rel/app | grep '"objects": 0'
delta-host prune --json --grace 0 job rclone:plain:rel/app | tee gone
[ -z "$(grep '"objects": 0,' gone)" ]
delta-host verify --root repo/metadata/1.root.json "http://127.0.0.1:$S3_PORT/v1/AUTH_test/rel/app"
END

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
