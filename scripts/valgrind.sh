#!/bin/bash
# valgrind.sh BUILD FLOW... - journeys in which every program of ours runs under
# valgrind; an error makes the program end with 99, which no flow expects.
set -eu
build=$1
shift
bin=$build/valgrind-bin
mkdir -p "$bin"
for program in mkdelta delta-apply delta-host; do
	cat > "$bin/$program" <<-EOF
	#!/bin/sh
	exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \\
	    --child-silent-after-fork=yes "$(cd "$build/bin" && pwd)/$program" "\$@"
	EOF
	chmod +x "$bin/$program"
done
BIN=$(cd "$bin" && pwd)
export BIN
passed=0 failed=0
for flow in "$@"; do
	if CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 900 "$build/tests/$flow" \
	    > "$build/valgrind-$flow.log" 2>&1 < /dev/null; then
		passed=$((passed + $(grep -c '^ok ' "$build/valgrind-$flow.log")))
	else
		grep -A3 '^not ok' "$build/valgrind-$flow.log" || true
		tail -n 40 "$build/valgrind-$flow.log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
