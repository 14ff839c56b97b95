#!/bin/bash
# run.sh BUILD [PAIR...] - fetch the pairs that are not there, measure them, and write
# bench.tsv, bench.md and bench.svg.
#
#	CORPUS=DIR	pairs that are there already, nothing is fetched (build/corpus)
#	OUT=DIR		for the results (build/bench)
#	BENCH_ALL=1	other programs for sides of more than 100 MB too
#	BENCH_ONLY="P..."	these programs alone: mkdelta mkdelta-9 bsdiff xdelta3 zstd rdiff
#	BENCH_SECONDS=N	limit of one program (3600)
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd) || exit 2
[ $# -eq 0 ] || shift
out=${OUT:-$build/bench}
mkdir -p "$out" "$build/bench" || exit 1
export PYTHONDONTWRITEBYTECODE=1
cc -O2 -std=c11 -D_GNU_SOURCE -o "$build/bench/measure" "$here/measure.c" || exit 1
if [ -z "${CORPUS:-}" ]; then
	CORPUS=$build/corpus
	"$here/corpus.sh" "$CORPUS" "$@" || exit 1
fi
python3 "$here/run.py" "$build/bin" "$build/bench/measure" "$CORPUS" "$out" "$@"
status=$?
python3 "$here/report.py" "$out" || exit 1
echo "results: $out/bench.md"
exit $status
