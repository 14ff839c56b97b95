#!/bin/bash
# torture.sh BUILD - kill a whole update at its system calls: the applier, its
# hooks, everything it started.  After each: old tree or new tree, and the next
# update completes.  STRIDE=n tries each n-th point only (default 1), from a
# random one on.
set -u
build=$(cd "$1" && pwd) || exit 2
PATH=$build/bin:$build/tests/rigs:$PATH
stride=${STRIDE:-1}
lab=$(mktemp -d "${TMPDIR:-/dev/shm}/killat.XXXXXX") || exit 2
trap 'rm -rf "$lab"' EXIT
chmod 755 "$lab"
cd "$lab" || exit 2

mkdir -p 1/bin 1/lib 1/empty dev
seq 1 9000 > 1/lib/a
seq 1 5000 > 1/lib/b
echo same > 1/same
ln -s ../lib/a 1/bin/a
cp -a 1 2
seq 1 9010 > 2/lib/a
echo new > 2/lib/new
rm 2/lib/b
ln -sfn ../lib/new 2/bin/a
chmod 700 2/lib
cat > app.conf <<END
[app]
name = torture
root = $lab/dev/app
url = file://$lab/repo
state = $lab/dev/state
run = $lab/dev/run
[trust]
root = $lab/repo/metadata/1.root.json
[service]
start = readlink $lab/dev/app/current > $lab/dev/svc
stop = rm -f $lab/dev/svc
[health]
command = test -s $lab/dev/svc
hold = 0
END
update=(delta-apply --quiet --config app.conf update)
if ! { mkdelta init repo && mkdelta release repo 1 && mkdelta release repo 2 &&
    "${update[@]}" --to 1; } > log 2>&1; then
	cat log
	exit 1
fi
cp -a dev before

# Names, types, modes, sizes, content and link targets; the record stays out.
shape() {
	(cd "$1" 2> /dev/null && find . -path ./.delta -prune -o -printf '%p %y %m %l\n' \
	    -type f -exec sha256sum {} + | LC_ALL=C sort)
}
shape 1 > old
shape 2 > new

bad() {
	echo "not ok - point $point: $1"
	failed=$((failed + 1))
}

failed=0 tried=0
points=$(killat -c "${update[@]}" 2> log) || { cat log; exit 1; }
for ((point = 1 + RANDOM % stride; point <= points; point += stride)); do
	rm -rf dev && cp -a before dev
	killat "$point" "${update[@]}" > log 2>&1
	status=$?
	tried=$((tried + 1))
	shape dev/app/current > now
	if [ $status -ne 137 ] && [ $status -ne 0 ]; then
		bad "status $status: $(tail -n 1 log)"
	elif ! cmp -s now old && ! cmp -s now new; then
		bad "neither the old nor the new tree"
	elif ! "${update[@]}" > log 2>&1; then
		bad "the next update: $(tail -n 1 log)"
	elif ! shape dev/app/current | cmp -s - new; then
		bad "the next update does not end with the new tree"
	elif [ "$(cat dev/svc)" != releases/2 ] || [ -e dev/state/switching ] ||
	    [ -n "$(find dev -name '.tmp.*' -o -name '.staging*')" ]; then
		bad "something is left, or the service does not run: $(find dev)"
	fi
done
echo "# figure: system calls killed at: $tried of $points"
echo "$((tried - failed)) passed, $failed failed"
[ $failed -eq 0 ] && [ $tried -gt 0 ]
