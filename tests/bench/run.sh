#!/bin/bash
# run.sh BIN - bytes, CPU time and peak memory of a delta, ours and the peers'
# in the same run.  Pairs of files: BENCH_PAIRS="OLD NEW OLD NEW ...", else two
# releases of esbuild for arm64, fetched with the npm client.
# Every delta is applied and compared with the new file.
set -eu
bin=$(cd "${1:-build/bin}" && pwd)
cache=${DEMO_CACHE:-$PWD/build/demo}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# get VERSION: the executable of one esbuild release.
get() {
	file=$cache/$1/package/bin/esbuild
	if [ ! -e "$file" ]; then
		mkdir -p "$cache/$1"
		(cd "$cache/$1" && npm pack --silent "@esbuild/linux-arm64@$1" && tar -xzf ./*.tgz &&
		    rm -f ./*.tgz) > /dev/null
	fi
	echo "$file"
}

# measure NAME OUT COMMAND...: its CPU seconds and KiB into $cpu, $rss.
measure() {
	/usr/bin/time -f '%U %S %M' -o "$work/time" "$@" > /dev/null 2>&1
	read -r user system rss < <(tail -n 1 "$work/time")
	cpu=$(awk -v u="$user" -v s="$system" 'BEGIN { printf "%.2f", u + s }')
}

# row NAME: the delta of the pair by one program, made, applied and compared.
row() {
	name=$1 d=$work/delta out=$work/out
	rm -rf "$d" "$out" "$work/sig"
	case $name in
	mkdelta) make_it=("$bin/mkdelta" diff "$old" "$new" "$d")
		apply=("$bin/mkdelta" patch "$old" "$d" "$out") ;;
	bsdiff) make_it=(bsdiff "$old" "$new" "$d") apply=(bspatch "$old" "$out" "$d") ;;
	xdelta3) make_it=(xdelta3 -f -9 -S lzma -B "$window" -e -s "$old" "$new" "$d")
		apply=(xdelta3 -f -B "$window" -d -s "$old" "$d" "$out") ;;
	zstd) make_it=(zstd -q -f -22 --ultra --long=27 "--patch-from=$old" "$new" -o "$d")
		apply=(zstd -q -f -d --long=27 "--patch-from=$old" "$d" -o "$out") ;;
	rdiff) make_it=(sh -c 'rdiff -b 512 signature "$1" "$3" && rdiff delta "$3" "$2" - | zstd -q -19 > "$4"' \
		    rdiff "$old" "$new" "$work/sig" "$d")
		apply=(sh -c 'zstd -q -d < "$2" | rdiff patch "$1" - "$3"' rdiff "$old" "$d" "$out") ;;
	esac
	measure "${make_it[@]}"
	made="$cpu s $((rss / 1024)) MiB"
	measure "${apply[@]}"
	cmp -s "$out" "$new" && check=ok || check=WRONG
	bytes=$(stat -c %s "$d")
	[ "$name" != bsdiff ] || reference=$bytes
	printf '%-8s %12d  %16s  %16s  %s\n' "$name" "$bytes" "$made" "$cpu s $((rss / 1024)) MiB" "$check"
	[ "$name" != mkdelta ] || ours=$bytes
}

# shellcheck disable=SC2086  # a list of files
set -- ${BENCH_PAIRS:-$(get 0.25.10) $(get 0.25.11) $(get 0.25.11) $(get 0.25.12)}
while [ $# -ge 2 ]; do
	old=$1 new=$2
	shift 2
	window=$(($(stat -c %s "$old") + 1048576))
	echo "$old -> $new ($(stat -c %s "$new") bytes)"
	printf '%-8s %12s  %16s  %16s  %s\n' program 'delta bytes' 'made in' 'applied in' check
	for name in mkdelta bsdiff xdelta3 zstd rdiff; do row "$name"; done
	awk -v a="$ours" -v b="$reference" 'BEGIN { printf "ratio of bytes to bsdiff: %.2f\n\n", a / b }'
done
