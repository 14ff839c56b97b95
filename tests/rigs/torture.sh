#!/bin/bash
# torture.sh BUILD - kill an update at its system calls: the applier, its hooks,
# everything it started, with the download over http; the same for a rollback, an
# exchange, a first install.  After each: old tree or new tree, nothing less than the
# journal said, and the next runs complete.  Then pairs: killed, and the run that
# recovers killed as well.
#	STRIDE=n	each n-th point only (default 1), from a random one on
#	PAIRS=n		so many pairs (default 2000)
#	SCENES="..."	of scene.sh; default: all
#	STOP=n		after so many violations (default 50)
# shellcheck disable=SC2034,SC2154  # what it shares with scene.sh
set -u
# shellcheck source=tests/rigs/scene.sh
. "$(dirname "$0")/scene.sh"
scene_lab "$1"
stride=${STRIDE:-1} stop=${STOP:-50} want_pairs=${PAIRS:-2000}
failed=0 tried=0 all=0 pairs=0 counts=()

restore() {
	device_clear
	cp -a "before-$scene/." dev
	echo - > mark
}

# Killed at point $1 of an update; 1: it ended by itself, or wrongly.
kill_at() {
	killat "$1" "${apply[@]}" update > log 2>&1
	status=$?
	look_live
	said_step=$step said_reverted=$reverted
	read -r said < mark
	case $status in
	0 | 137) ;;
	5) [ $stays = yes ] || grep -q 'tries again' log ;;
	*) false ;;
	esac || { bad "status $status: $(tail -n 2 log)"; return 1; }
	check_live
}

one() {
	where="point $1"
	restore
	tried=$((tried + 1))
	kill_at "$1" && finish
}

pair() {
	where="points $1 and $2"
	restore
	kill_at "$1" || return
	[ $status = 137 ] || return
	kill_at "$2" || return
	[ $status = 137 ] && pairs=$((pairs + 1))
	finish
}

for name in ${SCENES:-$(scene_names)}; do
	scene_begin "$name"
	restore
	points=$(killat -c "${apply[@]}" update 2> log)
	all=$((all + points))
	for ((point = 1 + RANDOM % stride; point <= points && failed < stop; point += stride)); do
		one "$point"
	done
	counts[${#counts[@]}]="$name:$points"
done
while [ $pairs -lt "$want_pairs" ] && [ $failed -lt "$stop" ]; do
	for name in "${counts[@]}"; do
		points=${name#*:}
		scene_choose "${name%:*}"
		end=$([ $stays = yes ] && echo old || echo new)
		# The second run has less to do the later the first one ended.
		first=$((1 + RANDOM % points)) left=$((points - first + points / 4))
		pair "$first" $((1 + RANDOM % left))
	done
done
echo "# figure: system calls killed at: $tried of $all (${counts[*]}), pairs $pairs," \
    "violations $failed"
echo "$((tried + pairs - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ $((tried + pairs)) -gt 0 ]
