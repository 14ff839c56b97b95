#!/bin/bash
# cutat.sh BUILD [FS [MODE]] - the power fails at a system call, on a real filesystem:
# everything is killed there, then the filesystem shuts down (FS_IOC_SHUTDOWN), and what
# is found after the next mount is another boot.  FS: ext4, xfs; MODE: `shutdown` (what
# the journal had not written is lost) and `shutdown -f` (the journal is written, data
# that was not synced is lost); default: all four.  Each fourth point is a pair: in the
# run after the boot the power fails again.
#	CUTAT=n		so many points of each, evenly over the scenes; default: all
#	SCENES="..."	of scene.sh; default: all
#	MOUNT=OPTIONS	of ext4, as noauto_da_alloc
#	POINTS="..."	these: a number, or two for a pair: 456,432
#	STOP=n		after so many violations
# Needs root and loop devices: says so and ends with 0 where they are not, but for CI.
# shellcheck disable=SC2034,SC2154  # what it shares with scene.sh
set -u
# Mounts of our own: a copy of them in a namespace of somebody else's keeps no image busy.
if [ "$(id -u)" = 0 ] && [ -z "${RIG_MOUNTS:-}" ]; then
	RIG_MOUNTS=own exec unshare --mount --propagation private bash "$0" "$@"
fi
# shellcheck source=tests/rigs/scene.sh
. "$(dirname "$0")/scene.sh"
build=$1
systems=${2:-ext4 xfs}
case ${3:-} in
'') modes=(shutdown "shutdown -f") ;;
*) modes=("$3") ;;
esac
stop=${STOP:-1000}
failed=0 tried=0 twice=0

can_mount() {
	[ "$(id -u)" = 0 ] && [ -e /dev/loop-control ] && command -v xfs_io mkfs.xfs > /dev/null &&
	    truncate -s 8M probe && mkfs.ext4 -q -F probe && mkdir -p probed &&
	    mount -o loop probe probed 2> /dev/null && umount probed
}

# The device of the scene on an image of its own.
make_base() {
	rm -f base
	case $fs in
	ext4) truncate -s 16M base && mkfs.ext4 -q -F -m 0 \
	    -E lazy_itable_init=0,lazy_journal_init=0 base ;;
	xfs) truncate -s 300M base && mkfs.xfs -q base ;;
	esac || exit 1
	mount_image base
	rm -rf dev/lost+found
	cp -a "before-$scene/." dev && umount dev || exit 1
}

mount_image() {
	mount -o "loop,noatime${options:+,$options}" "$1" dev || { bad "does not mount"; exit 1; }
}

restore() {
	rm -f image
	cp --sparse=always base image
	find run -mindepth 1 -delete
	mount_image image
	[ "$scene" = install ] || ./service > run/svc
	echo - > mark
}

# Words $2... die at point $1, and the power with them.
cut_at() {
	local point=$1
	shift
	killat "$point" "${apply[@]}" "$@" > log 2>&1
	status=$?
	look_live
	said_step=$step said_reverted=$reverted
	read -r said < mark
	[ $status -ne 0 ] || [ "$1" != update ] || said="done"
	xfs_io -x -c "$mode" dev && umount dev || { bad "no shutdown"; exit 1; }
	mount_image image
	case $status in
	0 | 137) ;;
	5) [ $stays = yes ] || grep -q 'tries again' log ;;
	*) false ;;
	esac || { bad "status $status: $(tail -n 2 log)"; return 1; }
	check_live
}

# Point $1, and for pairs point $2 of the run after the boot.
try_point() {
	where="$fs, $mode, point $1${2:+ and $2}"
	tried=$((tried + 1))
	restore
	if cut_at "$1" update; then
		if [ -n "${2:-}" ]; then
			twice=$((twice + 1))
			new_boot
			# At boot; or, each second time, the run after it.
			if [ $(($2 % 2)) = 0 ]; then cut_at $(($2 % 97 + 1)) recover
			else boot && cut_at "$2" update; fi
		fi && boot && finish
	fi
	umount dev || { bad "busy in the end"; exit 1; }
}

sweep() {
	local points count at n second
	make_base
	restore
	points=$(killat -c "${apply[@]}" update 2> log)
	umount dev
	count=${CUTAT:+$(((CUTAT + $(echo $scenes | wc -w) - 1) / $(echo $scenes | wc -w)))}
	count=${count:-$points}
	[ "$count" -lt "$points" ] || count=$points
	for at in ${POINTS:-}; do
		# shellcheck disable=SC2086  # one number or two
		try_point ${at/,/ }
	done
	[ -z "${POINTS:-}" ] || count=0
	for ((n = 0; n < count && failed < stop; n++)); do
		at=$((1 + (n * points + RANDOM % points) / count))
		second=
		[ $((n % 4)) -ne 3 ] || second=$((1 + RANDOM % points))
		try_point "$at" $second
	done
}

scene_lab "$build"
if ! can_mount; then
	echo "cutat: skipped: no loop mounts or no xfsprogs here"
	[ -z "${CI:-}" ]
	exit
fi
scene_boots
scenes=${SCENES:-$(scene_names)}
for scene in $scenes; do
	scene_begin "$scene"
done
for fs in $systems; do
	options=${MOUNT:-}
	[ "$fs" = ext4 ] || options=
	for mode in "${modes[@]}"; do
		before=$tried wrong=$failed
		for scene in $scenes; do
			scene_choose "$scene"
			end=$([ $stays = yes ] && echo old || echo new)
			sweep
		done
		echo "# $fs${options:+ ($options)}, $mode: $((tried - before)) points," \
		    "$((failed - wrong)) violations"
	done
done
echo "# figure: power cuts on real filesystems: $tried points ($twice of them two cuts)," \
    "violations $failed"
echo "$((tried - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ $tried -gt 0 ]
