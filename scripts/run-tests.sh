#!/bin/bash
# run-tests.sh BUILD [NAME...] - run the test programs, two at a time, and add up.
# Each program is cmocka's; its TAP lines are counted.  Closes with
# "N passed, N failed" (and ", N skipped").  Exit 1 when anything failed.
set -u
build=$1
shift
BIN=$(cd "$build/bin" && pwd) || exit 2
export BIN
limit=${TEST_TIMEOUT:-420}
wrap=${TEST_WRAPPER:-}
results=$build/results
rm -rf "$results"
mkdir -p "$results"

# Those given, else one for every source that is there: long journeys first,
# so that two cores end at the same time.
names() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@"
		return
	fi
	for source in tests/flow_*.c tests/test_*.c; do
		[ -e "$source" ] && basename "$source" .c
	done
	for source in tests/fuzz/fuzz_*.c; do
		[ -e "$source" ] && basename "$source" .c | sed 's/^fuzz_/replay_/'
	done
}

run_one() {
	# shellcheck disable=SC2086  # the wrapper may be several words
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 "$limit" $wrap "$build/tests/$1" \
	    < /dev/null > "$results/$1.out" 2> "$results/$1.err"
	echo $? > "$results/$1.rc"
}

for name in $(names "$@"); do
	run_one "$name" &
	while [ "$(jobs -rp | wc -l)" -ge "${TEST_JOBS:-2}" ]; do wait -n; done
done
wait

passed=0 failed=0 skipped=0
for rc in "$results"/*.rc; do
	name=$(basename "$rc" .rc)
	out=$results/$name.out
	ok=$(grep -c '^ok ' "$out")
	# cmocka says "not ok" of what was skipped.
	skip=$(grep -c '^not ok .*# SKIP' "$out")
	bad=$(($(grep -c '^not ok ' "$out") - skip))
	status=$(cat "$rc")
	# A program that died, hung or ran nothing is a failure too.
	if { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; } || [ $((ok + bad + skip)) -eq 0 ]; then
		bad=$((bad + 1))
		echo "not ok - $name ended with status $status" >> "$out"
	fi
	if [ "$bad" -gt 0 ]; then
		echo "---- $name (status $status)"
		grep -A3 '^not ok' "$out" | grep -v '# SKIP'
		tail -n 25 "$results/$name.err"
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
done
[ "$skipped" -gt 0 ] && grep -h '# SKIP' "$results"/*.out
grep -h '^# figure: ' "$results"/*.out "$results"/*.err 2> /dev/null
line="$passed passed, $failed failed"
[ "$skipped" -gt 0 ] && line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
