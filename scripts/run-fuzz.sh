#!/bin/bash
# run-fuzz.sh DIR SECONDS - every fuzz target for so long, two side by side.
# The checked-in corpus is read, new inputs go to DIR/corpus/NAME.
set -u
dir=$1
seconds=$2
rc=0
one() {
	name=$(basename "$1")
	name=${name#fuzz_}
	mkdir -p "$dir/corpus/$name"
	"$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
	    -artifact_prefix="$dir/crash-$name-" -print_final_stats=1 \
	    "$dir/corpus/$name" "tests/fuzz/corpus/$name" > "$dir/$name.log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")
	echo "$status $name ${runs:-0}" > "$dir/$name.result"
}
rm -f "$dir"/*.result
for target in "$dir"/fuzz_*; do
	[ -x "$target" ] || continue
	one "$target" &
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
done
wait
for result in "$dir"/*.result; do
	read -r status name runs < "$result"
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$dir/$name.log"
		echo "fuzz $name: FAILED"
		rc=1
	else
		echo "fuzz $name: $runs executions, clean"
	fi
done
exit $rc
