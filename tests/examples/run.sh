#!/bin/bash
# run.sh BUILD - the examples do what they say: releases by release.sh and by the steps
# of each CI file, against a real host; hooks with stand-ins for docker, pg_dump,
# apt-get and systemctl, which note what they were asked.  Configurations are read by
# delta-apply.  Closes with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
here=$PWD
bin=$(cd "$1/bin" && pwd) || exit 2
PATH=$bin:$PATH
dir=$(mktemp -d)
nginx=
trap '[ -z "$nginx" ] || kill "$nginx"; rm -rf "$dir"' EXIT
passed=0 failed=0
unset CI

ok() { echo "ok - $1"; passed=$((passed + 1)); }
check() {
	local name=$1
	shift
	if "$@" > "$dir/out" 2>&1; then ok "$name"; return; fi
	tail -n 20 "$dir/out"
	echo "not ok - $name"
	failed=$((failed + 1))
}
fails() { ! "$@"; }
asked() { grep -q -- "$1" "$dir/asked"; }

# ---- release CI ----

serve() {
	local port=$1
	mkdir -p "$dir/nginx" "$dir/www"
	delta-host config nginx --root "$dir/www" --listen "127.0.0.1:$port" > "$dir/nginx/site.conf"
	cat > "$dir/nginx/nginx.conf" <<END
daemon off; pid $dir/nginx/pid; error_log $dir/nginx/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path $dir/nginx/t1; proxy_temp_path $dir/nginx/t2;
  fastcgi_temp_path $dir/nginx/t3; uwsgi_temp_path $dir/nginx/t4;
  scgi_temp_path $dir/nginx/t5;
  include $dir/nginx/site.conf;
}
END
	chmod 755 "$dir"
	nginx -p "$dir/nginx" -e "$dir/nginx/error.log" -c "$dir/nginx/nginx.conf" 2> /dev/null &
	nginx=$!
}

# offers VERSION: does the host, to who trusts the first root?
offers() {
	rm -rf "$dir/look"
	delta-host pull -q --root "$ROOT" "$URL" "$dir/look" || return
	mkdelta list -q "$dir/look" > "$dir/list" || [ $? -eq 9 ] || return
	grep -q -- "$1" "$dir/list"
}
# steps FILE: the commands of a CI file, one a line, in its order.
steps() {
	python3 - "$1" <<'END'
import re, sys
lines = open(sys.argv[1]).read().split("\n")
inside = None
for line in lines:
	depth = len(line) - len(line.lstrip())
	if re.match(r"\s*(run: \||script:)\s*$", line):
		inside = depth
	elif inside is not None and line.strip() and depth > inside:
		print(re.sub(r"^- ", "", line.strip()))
	elif line.strip():
		inside = None
END
}

port=$((21000 + $$ % 20000))
export URL=http://127.0.0.1:$port DEST=$dir/www ROOT=$dir/checkout/1.root.json
mkdir -p "$dir/checkout"
cd "$dir/checkout" || exit 2
mkdelta init -q "$dir/repo" && cp "$dir/repo/metadata/1.root.json" "$ROOT" &&
    delta-host publish -q "$dir/repo" "$DEST" && serve "$port"
for _ in $(seq 50); do curl -sf "$URL/metadata/timestamp.json" > /dev/null && break; sleep 0.1; done
STABLE_KEY=$(cat "$dir"/repo.keys/channel-stable.pem) ONLINE_KEY=$(cat "$dir"/repo.keys/online.pem)
export STABLE_KEY ONLINE_KEY
rm -rf "$dir/repo" "$dir/repo.keys"

cp -r "$here/examples/ci" ci
printf 'install:\n\tmkdir -p $(DESTDIR)/bin && cp program $(DESTDIR)/bin/\n' > Makefile
head -c 20000 /bin/bash > program
make -s install DESTDIR="$PWD/tree"
check "release.sh: the first release" sh ci/release.sh tree v1
check "release.sh: the host offers it" offers v1
check "release.sh: again, nothing new" sh ci/release.sh tree v1
check "release.sh: one release" [ "$(find "$DEST/targets" -name '*.tar.zst' | wc -l)" = 1 ]
before=$(cat "$DEST/metadata/timestamp.json")
check "refresh.sh" sh ci/refresh.sh
check "refresh.sh: signed anew" fails cmp -s <(echo "$before") "$DEST/metadata/timestamp.json"
check "refresh.sh: without its key nothing" fails env ONLINE_KEY= sh ci/refresh.sh
n=2
for file in github-actions gitlab-ci; do
	echo "change $n" >> program
	rm -rf tree
	export VERSION=v$n CI_COMMIT_TAG=v$n
	lines=0
	while read -r line; do
		check "$file: $line" sh -c "$line"
		lines=$((lines + 1))
	done < <(steps "ci/$file.yml")
	check "$file: three steps" [ $lines -eq 3 ]
	check "$file: the host offers v$n" offers "v$n"
	n=$((n + 1))
done
check "a delta came with it" sh -c "find '$DEST/targets' -name '*.delta' | grep -q ."

# ---- hooks ----

cd "$here" || exit 2
fake=$dir/fake
mkdir -p "$fake" "$dir/app/current" "$dir/app/releases/1" "$dir/app/releases/2" "$dir/backup" "$dir/new"
for name in docker systemctl apt-get dpkg dpkg-query pg_dump pg_restore runuser; do
	cat > "$fake/$name" <<END
#!/bin/bash
echo "$name \$*" >> "$dir/asked"
[ ! -x "$dir/say-$name" ] || exec "$dir/say-$name" "\$@"
END
	chmod 755 "$fake/$name"
done
# say NAME: what the stand-in does, from standard input.
say() { { echo '#!/bin/bash'; cat; } > "$dir/say-$1"; chmod 755 "$dir/say-$1"; }
export DELTA_APP=app DELTA_FROM=1 DELTA_TO=2 DELTA_ATTEMPT=1 DELTA_STEP=start \
    DELTA_NEW_TREE=$dir/new DELTA_BACKUP_DIR=$dir/backup APP_ROOT=$dir/app
hook() { : > "$dir/asked"; PATH=$fake:$PATH "$here/examples/hooks/$1" "${@:2}"; }

check "systemd: start" hook systemd/units start
check "systemd: in this order" sh -c "grep -n 'start app-worker' '$dir/asked' | grep -q '^2' && grep -q 'start app-web' '$dir/asked'"
check "systemd: stop" hook systemd/units stop
check "systemd: the other way" sh -c "head -n 1 '$dir/asked' | grep -q 'stop app-web'"
say systemctl <<< '[ "$3" != app-web.service ]'
check "systemd: one that does not run is seen" fails hook systemd/units status
rm "$dir/say-systemctl"

touch "$dir/new/compose.yaml"
say docker <<< 'case "$*" in *--images) echo "a@sha256:00";; esac'
check "compose: pull" hook docker-compose/compose pull
check "compose: from the new tree" asked "--file $dir/new/compose.yaml pull"
say docker <<< 'case "$*" in *--images) echo "a:latest";; esac'
check "compose: an image without digest is refused" fails hook docker-compose/compose pull
check "compose: and not pulled" fails asked ' pull'
check "compose: stop where nothing is" hook docker-compose/compose stop
cp "$dir/new/compose.yaml" "$dir/app/current/"
check "compose: stop" hook docker-compose/compose stop
check "compose: what is live" asked "$dir/app/current/compose.yaml down"
check "compose: start" hook docker-compose/compose start
check "compose: without the network" asked 'up --detach --no-build --pull never'
say docker <<< 'case "$*" in *"config --services") echo web; echo db;; *running) echo web;; esac'
check "compose: a service that is down is seen" fails hook docker-compose/compose health
say docker <<< 'case "$*" in *"config --services" | *running) echo web;; esac'
check "compose: health" hook docker-compose/compose health
say docker <<< 'case "$*" in *"config --services" | *running) echo web;; *) echo "web Up (unhealthy)";; esac'
check "compose: an unhealthy one is seen" fails hook docker-compose/compose health

say runuser <<< 'shift 3; exec "$@"'
say pg_dump <<< 'echo the data'
say pg_restore <<< '[ "$1" = --list ] || cat > '"$dir/restored"
check "postgres: backup" hook postgres/database backup
check "postgres: the dump is there" grep -q 'the data' "$dir/backup/app.dump"
check "postgres: restore" hook postgres/database restore
check "postgres: the same data" cmp "$dir/backup/app.dump" "$dir/restored"
check "postgres: all or nothing" asked --single-transaction
say pg_dump <<< 'echo half; exit 1'
rm "$dir/backup/app.dump"
check "postgres: a dump that fails is no backup" fails hook postgres/database backup
check "postgres: under no name" [ ! -e "$dir/backup/app.dump" ]
check "postgres: restore without dump leaves the data" hook postgres/database restore
check "postgres: nothing restored" fails asked pg_restore

# A venv without packages needs no index; pip itself is a stand-in.
export VENVS=$dir/venvs
cat > "$fake/python3" <<END
#!/bin/bash
echo "python3 \$*" >> "$dir/asked"
case "\$*" in
*sys.version*) echo 3.11 ;;
*"-m venv"*) mkdir -p "\$3/bin" && cp "$fake/python3" "\$3/bin/python" ;;
*pip*) [ ! -e "$dir/no-pip" ] ;;
esac
END
chmod 755 "$fake/python3"
echo 'a==1 --hash=sha256:00' > "$dir/new/requirements.txt"
touch "$dir/no-pip"
check "venv: one that is not whole has no name" fails hook python-venv/venv make
check "venv: none" fails sh -c "ls '$VENVS' | grep -v part"
rm "$dir/no-pip"
check "venv: make" hook python-venv/venv make
check "venv: hashes are required" asked --require-hashes
check "venv: made once" hook python-venv/venv make
check "venv: indeed" fails asked 'm venv'
cp "$dir/new/requirements.txt" "$dir/app/current/"
cp "$dir/new/requirements.txt" "$dir/app/releases/2/"
check "venv: run" hook python-venv/venv run bin/app.py
check "venv: with that interpreter" asked 'bin/app.py'
mkdir "$VENVS/old"
check "venv: tidy" hook python-venv/venv tidy
check "venv: what no release wants is gone" [ ! -e "$VENVS/old" ]
check "venv: what one wants is not" [ "$(ls "$VENVS" | wc -l)" = 1 ]

printf '# comment\nlibfoo1\nthere\n' > "$dir/new/packages.txt"
say dpkg-query <<< '[ "${@: -1}" != there ] || printf installed'
check "apt: install" hook apt/packages
check "apt: what is missing, and nothing goes" asked 'install --no-install-recommends --no-remove libfoo1$'
printf 'there\n' > "$dir/new/packages.txt"
check "apt: nothing missing" hook apt/packages
check "apt: nothing asked of apt" fails asked apt-get
printf 'x -o Dpkg::Pre-Invoke=id\n--purge\n' > "$dir/new/packages.txt"
check "apt: an option is no package" fails hook apt/packages

export MARKS=$dir/marks BOOT_ID=$dir/boot PATIENCE=0
echo one > "$BOOT_ID"
check "reboot: waits for the restart" fails hook reboot/reboot
check "reboot: asks for it" asked 'systemctl reboot'
check "reboot: not done yet" fails hook reboot/reboot
echo two > "$BOOT_ID"
check "reboot: done" hook reboot/reboot
check "reboot: not once more" fails asked reboot
export DELTA_STEP=rollback
check "reboot: on the way back too" fails hook reboot/reboot

# ---- configurations ----

for conf in examples/hooks/*/app.conf; do
	name=$(basename "$(dirname "$conf")")
	sed "s|^root = /opt/app|root = $dir/$name|; s|/etc/delta-apply/hooks/[a-z]*|/bin/true|;
	    s|^root = /etc.*|root = $ROOT|" "$conf" > "$dir/$name.conf"
	check "$name: delta-apply takes the configuration" delta-apply status --config "$dir/$name.conf" \
	    --state "$dir/state-$name" --run "$dir/run-$name"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
