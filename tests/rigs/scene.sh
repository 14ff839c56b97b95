# shellcheck shell=bash disable=SC2034,SC2154,SC2120
# scene.sh - for the rigs of this folder: a repository, its host, one device and the
# scenes of its life.  To be sourced; needs bash.
#
#	scene_lab BUILD		the lab is the working folder, and $lab; gone at the end
#	scene_begin NAME	what it is like uncut: before-NAME/, $calls and more
#	scene_names		all there are
#
# The device is dev/ with app, state and the application's data; what no restart
# survives is in run/: RUN, and svc, which the service wrote when it started.  Hooks
# of each kind take part; those that make and read the data do not sync them.
# The file mark holds the last thing that somebody could rely on.

# Said of one point; sets the status.
bad() {
	echo "not ok - $scene, $where: $1" >&2
	failed=$((failed + 1))
	return 1
}

scene_trees() {
	mkdir -p 1/bin 1/lib 1/empty 1/doc/old
	seq 1 9000 > 1/lib/a
	seq 1 5000 > 1/lib/b
	echo same > 1/same
	ln 1/same 1/same-too
	ln -s ../lib/a 1/bin/a
	echo one > 1/doc/old/text
	cp -a 1 2
	seq 1 9010 > 2/lib/a
	echo new > 2/lib/new
	rm -r 2/lib/b 2/doc/old
	ln -sfn ../lib/new 2/bin/a
	mkdir 2/doc/new
	echo two > 2/doc/new/text
	chmod 700 2/lib
}

scene_programs() {
	cat > service <<END
#!/bin/sh
for tree in current .; do
	read -r record < $lab/dev/app/\$tree/.delta/record.json || continue
	echo "\$record"
	exit
done 2> /dev/null
END
	cat > healthy <<END
#!/bin/sh
cd $lab && read -r svc < run/svc && read -r record << IS && test "\$svc" = "\$record" || exit
\$(./service)
IS
test -z "\$1" || test -e dev/app/current/doc/old
END
	cat > hook <<END
#!/bin/sh
cd $lab || exit
data=
case \$1 in
backup) test ! -e dev/data || read -r data < dev/data
	echo "\$data" > "\$DELTA_BACKUP_DIR"/data ;;
migrate) echo "\$DELTA_TO" > dev/data ;;
restore) read -r data < "\$DELTA_BACKUP_DIR"/data
	echo "\$data" > dev/data ;;
start) ./service > run/svc
	case \$DELTA_STEP in
	start) echo new > mark ;;
	rollback) echo old > mark ;;
	esac ;;
stop) rm -f run/svc ;;
esac
exit 0
END
	chmod 755 service healthy hook
}

scene_conf() {
	local hook
	cat > app.conf <<END
[app]
name = rig
root = $lab/dev/app
url = http://127.0.0.1:$port
state = $lab/dev/state
run = $lab/run/rig
[trust]
root = $lab/root.json
[service]
start = $lab/hook start
stop = $lab/hook stop
[health]
command = $lab/healthy
hold = 0
retries = 0
interval = 0
[hooks]
END
	for hook in preflight deps stop backup migrate health commit rollback restore notify; do
		echo "$hook = $lab/hook $hook" >> app.conf
	done
	# Without the hooks after which everything is synced anyway.
	grep -vE '^(backup|migrate|restore) = ' app.conf > plain.conf
}

# nginx as `delta-host config` sets it up, on a port that is free.
scene_host() {
	local try
	mkdir nginx
	for try in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 20000))
		delta-host config nginx --root "$lab/repo" --listen "127.0.0.1:$port" \
		    > nginx/site.conf || return
		cat > nginx/nginx.conf <<END
daemon on;
pid $lab/nginx/pid;
error_log $lab/nginx/error.log;
worker_processes 1;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $lab/nginx/t1; proxy_temp_path $lab/nginx/t2;
	fastcgi_temp_path $lab/nginx/t3; uwsgi_temp_path $lab/nginx/t4;
	scgi_temp_path $lab/nginx/t5;
	include $lab/nginx/site.conf;
}
END
		nginx -p "$lab/nginx" -e "$lab/nginx/error.log" -c "$lab/nginx/nginx.conf" \
		    2> log && return
	done
	cat log
	return 1
}

scene_close() {
	[ ! -s nginx/pid ] || kill "$(cat nginx/pid)"
	mountpoint -q "$lab/dev" && umount "$lab/dev"
	cd / && rm -rf "$lab"
}

scene_lab() {
	build=$(cd "$1" && pwd) || exit 2
	PATH=$build/bin:$build/tests/rigs:$PATH:/usr/sbin:/sbin
	lab=$(mktemp -d "${TMPDIR:-/dev/shm}/rig.XXXXXX") || exit 2
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	trap scene_close EXIT
	trap 'exit 130' INT TERM
	chmod 755 "$lab"
	cd "$lab" || exit 2
	mkdir dev run
	: > mark
	scene_trees
	scene_programs
	{ mkdelta init -q repo && mkdelta release -q repo 1 && mkdelta release -q repo 2 &&
	    cp repo/metadata/1.root.json root.json && scene_host && scene_conf; } || exit 1
	cp -a dev before-install
	device update --to 1 && cp -a dev before-update && ln -s before-update before-rollback
	ln -s before-update before-plain
	device_clear
	device update --to 1 --set app.swap=exchange && cp -a dev before-exchange
	device_clear
}

scene_names() {
	echo update rollback exchange install plain
}

device() {
	if ! delta-apply --quiet --config "${conf:-app.conf}" "$@" > log 2>&1; then
		cat log
		exit 1
	fi
}

device_clear() {
	find dev run -mindepth 1 -delete
}

look() {
	"$build/tests/rigs/look" "$@"
}

# Which tree is live, the step of the journal, reverted or not.
look_live() {
	read -r live step reverted < <(look "$tree" "$old" "$new" "${1:-dev/state}")
	[ -n "${reverted:-}" ]
}

# The words of scene NAME: $command, and after them for every run $settings.
scene_choose() {
	scene=$1 settings=() stays=no tree=dev/app/current conf=app.conf
	case $scene in
	rollback) settings=(--set "health.command=$lab/healthy old") stays=yes ;;
	exchange) settings=(--set app.swap=exchange) tree=dev/app ;;
	plain) conf=plain.conf ;;
	esac
	apply=(delta-apply --config "$conf" "${settings[@]}")
	old=trees/$scene-old new=trees/$scene-new
}

# Uncut: the two trees, and what is left in the end.
scene_begin() {
	scene_choose "$1"
	mkdir -p trees
	rm -rf "$old" "$new"
	device_clear
	cp -a "before-$scene/." dev
	[ ! -e "$tree" ] || cp -a "$tree/." "$old"
	device update "${settings[@]:2}" --set "health.command=$lab/healthy" \
	    --set "app.swap=$([ "$scene" = exchange ] && echo exchange || echo symlink)"
	cp -a "$tree/." "$new"
	device_clear
	cp -a "before-$scene/." dev
	"${apply[@]}" update > log 2>&1
	[ $? = "$([ $stays = yes ] && echo 5 || echo 0)" ] || { cat log; exit 1; }
	"${apply[@]}" update > log 2>&1 || { cat log; exit 1; }
	look names dev > "names-$scene"
	end=$([ $stays = yes ] && echo old || echo new)
	look_live && [ "$live" = "$end" ] || { echo "$scene: $live is live uncut"; exit 1; }
	device_clear
}

# What the journal and the mark said in the moment of the end ($said_step,
# $said_reverted, $said) holds of what is live now.
check_live() {
	look_live || { bad "the device cannot be read"; return 1; }
	case $live in
	old | new) ;;
	*) bad "$live: neither the old nor the new tree"; return 1 ;;
	esac
	case $said_step/$said_reverted in
	start/* | health/* | commit/*) [ "$live" = new ] ;;
	rollback/reverted | preflight/* | download/* | stage/* | verify/* | wait/* | \
	stop/* | backup/* | migrate/*) [ "$live" = old ] ;;
	esac || { bad "the journal said $said_step, the $live tree is live"; return 1; }
	case $said in
	done) [ "$live" = "$end" ] ;;
	new) [ "$live" = new ] || [ $stays = yes ] ;;
	old) [ "$live" = old ] || [ $stays = no ] ;;
	esac || { bad "somebody relied on \"$said\", the $live tree is live"; return 1; }
}

check_data() {
	local data=
	[ ! -e dev/data ] || read -r data < dev/data
	case $scene-$live in
	install-old) [ "$data" = "" ] ;;
	*-old | plain-*) [ "$data" = 1 ] ;;
	*) [ "$data" = 2 ] ;;
	esac || { bad "the $live tree is live with the data \"$data\""; return 1; }
}

# From here on boots can be told apart: needs mounts of our own.
scene_boots() {
	export RIG_BOOT_ID=${RIG_BOOT_ID:-$lab/boot_id}
	cat /proc/sys/kernel/random/boot_id > "$RIG_BOOT_ID"
	mount --bind "$RIG_BOOT_ID" /proc/sys/kernel/random/boot_id || exit 1
}

new_boot() {
	find run -mindepth 1 -delete
	cat /proc/sys/kernel/random/uuid > "$RIG_BOOT_ID"
}

# Another boot: RUN is empty, the switch is settled, then the application comes.
boot() {
	new_boot
	"${apply[@]}" recover > log 2>&1
	case $? in
	0) ;;
	5) [ $stays = yes ] ;;
	*) false ;;
	esac || { bad "recover: $(tail -n 2 log)"; return 1; }
	said=- said_step=- said_reverted=-
	check_live && check_data && ./service > run/svc
}

# As cron does, until nothing is left to do; a release that a restart had
# interrupted is tried again.
finish() {
	local try status
	said=- said_step=- said_reverted=-
	for try in 1 2 3; do
		"${apply[@]}" update > log 2>&1
		status=$?
		check_live || return 1
		[ $status -ne 0 ] || break
		[ $status -eq 5 ] && { [ $stays = yes ] || grep -q 'tries again' log; } ||
			{ bad "update: status $status: $(tail -n 2 log)"; return 1; }
	done
	[ $status -eq 0 ] || { bad "the last update: $(tail -n 2 log)"; return 1; }
	[ "$live" = "$end" ] || { bad "it ends with the $live tree"; return 1; }
	[ "$step" = idle ] || { bad "the journal is at $step in the end"; return 1; }
	check_data || return 1
	./service | cmp -s - run/svc || { bad "the service runs from another tree"; return 1; }
	look names dev | diff "names-$scene" - > log ||
		{ bad "other names are left: $(grep '^[<>]' log | tr '\n' ' ')"; return 1; }
	[ -z "$(find run -name '.tmp*')" ] || { bad "left: $(find run -name '.tmp*')"; return 1; }
}
