#!/bin/bash
# replay.sh BUILD [FS [SCENE...]] - the power fails between any two writes of a disk: an
# update runs on a disk that remembers every write and every flush (logdisk), while
# somebody else syncs an unrelated file over and over.  Out of that, replay makes the
# disks that a power cut may have left: all up to a flush, and of what came after it the
# first few, or a random subset, or torn ones.  Each is mounted and looked at: old or new
# tree, nothing less than its journal or the outside relied on; of each SPARSE-th the
# device then boots, recovers and updates to the end.
#	EVERY=n		each n-th state only (default 1)
#	RANDOM_OF=n	random subsets of each epoch (default 40)
#	SPARSE=n	default 16
#	SHARES=n	side by side (default 2)
#	MOUNT=OPTIONS	as noauto_da_alloc
#	SEED=n
# Needs root, loop devices and FUSE: says so and ends with 0 where they are not, but for CI.
# shellcheck disable=SC2034,SC2154  # what it shares with scene.sh
set -u
# shellcheck source=tests/rigs/scene.sh
. "$(dirname "$0")/scene.sh"
self=$0

# One state is mounted at dev.
if [ "$1" = check ]; then
	cd "$RIG_LAB" || exit 2
	build=$RIG_BUILD lab=$RIG_LAB failed=0 where="$RIG_STATE, relied on: $RIG_MARK"
	scene_choose "$RIG_SCENE"
	end=$([ $stays = yes ] && echo old || echo new)
	look_live || { bad "the device cannot be read"; exit 1; }
	said_step=$step said_reverted=$reverted said=$RIG_MARK
	check_live || exit 1
	[ $((RANDOM % RIG_SPARSE)) = 0 ] || exit 0
	echo >> "run-to-the-end.$RIG_SHARE"
	rm -f dev/noise
	boot && finish
	exit
fi

# A share of the states, with mounts, RUN and a boot of its own.
if [ "$1" = share ]; then
	cd "$RIG_LAB" || exit 2
	mount -t tmpfs none run || exit 2
	export RIG_BOOT_ID=$RIG_LAB/boot_id.$RIG_SHARE
	scene_boots
	shift
	exec "$@"
fi

can_record() {
	[ "$(id -u)" = 0 ] && [ -e /dev/loop-control ] && [ -e /dev/fuse ] &&
	    command -v fusermount3 mkfs.xfs > /dev/null
}

make_base() {
	rm -f base
	case $fs in
	ext4) truncate -s 16M base && mkfs.ext4 -q -F -m 0 -N 1024 \
	    -E lazy_itable_init=0,lazy_journal_init=0 base ;;
	xfs) truncate -s 300M base && mkfs.xfs -q base ;;
	esac || exit 1
	mount -o loop,noatime base dev || exit 1
	rm -rf dev/lost+found
	cp -a "before-$scene/." dev && umount dev || exit 1
}

noise() {
	while [ -e noisy ]; do
		echo "$RANDOM" > dev/noise
		sync dev/noise
	done
}

record() {
	local options=noatime${MOUNT:+,$MOUNT} try status
	make_base
	cp --sparse=always base image
	find run -mindepth 1 -delete
	mkdir -p fuse
	logdisk image "$1" fuse & disk=$!
	for try in $(seq 100); do
		[ ! -e fuse/disk ] || break
		sleep 0.05
	done
	mount -o "loop,$options" fuse/disk dev || exit 1
	[ "$scene" = install ] || ./service > run/svc
	rm -f mark
	ln -s fuse/mark mark
	: > noisy
	noise & noise=$!
	"${apply[@]}" update > log 2>&1
	status=$?
	[ $status = "$([ $stays = yes ] && echo 5 || echo 0)" ] || { cat log; exit 1; }
	echo "done" > mark
	sleep 0.1
	rm noisy
	wait $noise
	umount dev || exit 1
	for try in $(seq 100); do	# the loop device goes a moment later
		umount fuse 2> /dev/null && break
		sleep 0.05
	done
	wait $disk
	rm mark
	echo - > mark
}

# All shares; adds to states, failed and finished.
play() {
	local share pids=() pid log=$1 lines
	rm -f run-to-the-end.*
	export RIG_LAB=$lab RIG_BUILD=$build RIG_SCENE=$scene RIG_SPARSE=${SPARSE:-16}
	for ((share = 0; share < shares; share++)); do
		RIG_SHARE=$share unshare --mount --propagation private bash "$self" share \
		    replay -t "$fs" -o "$([ "$fs" = xfs ] && echo nouuid || echo "${MOUNT:-}")" \
		    -r "${RANDOM_OF:-40}" -s "${SEED:-1}" \
		    -j "$((share * every + RANDOM % every))/$((shares * every))" base "$log" "$lab/dev" \
		    bash "$self" check > "played.$share" 2> "found.$share" &
		pids[share]=$!
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
		[ $? -lt 2 ] || { cat found.*; exit 1; }
	done
	cat found.* | head -n 20 1>&2
	lines=$(awk '{ s += $3; v += $5 } END { print s, v }' played.*)
	states=$((states + ${lines% *})) failed=$((failed + ${lines#* }))
	finished=$((finished + $(cat run-to-the-end.* 2> /dev/null | wc -l)))
	echo "# $fs${MOUNT:+ ($MOUNT)}, $scene: $(awk '{ print $1; exit }' played.0) epochs," \
	    "${lines% *} states, ${lines#* } violations"
}

self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
scene_lab "$1"
if ! can_record; then
	echo "replay: skipped: no loop devices, no FUSE or not root"
	[ -z "${CI:-}" ]
	exit
fi
fs=${2:-ext4} shares=${SHARES:-2} every=${EVERY:-1} failed=0 states=0 finished=0
scenes="${*:3}"
export PATH
ln -sf run/log log
for scene in ${scenes:-update rollback exchange}; do
	scene_begin "$scene"
	record "writes-$scene"
	play "writes-$scene"
	rm -f "writes-$scene"
done
echo "# figure: disks as a power cut may leave them: $states on $fs${MOUNT:+ ($MOUNT)}," \
    "$finished of them run to the end, violations $failed"
echo "$((states - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ $states -gt 0 ]
