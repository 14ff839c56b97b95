#!/bin/bash
# make-golden.sh [BIN] - make the golden deltas anew, after a change of the format
# or of the encoder: tests/golden/NAME.delta (or .bsdiff40) from NAME.tar.xz, and SUMS.
# Run it when flow_golden fails because the format was changed on purpose.
set -eu
cd "$(dirname "$0")/.."
PATH=$(cd "${1:-build/bin}" && pwd):$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd tests/golden
: > "$work/SUMS"
for pair in *.tar.xz; do
	name=${pair%.tar.xz}
	rm -rf "$work/pair"
	mkdir "$work/pair"
	tar -xJpf "$pair" -C "$work/pair"
	if [ -x "$name.make" ]; then
		# What no encoder of ours writes is made by hand.
		"./$name.make" "$work/pair" > "$name.delta"
	else
		alone=$([ ! -e "$work/pair/old/alone" ] || echo /alone)
		mkdelta diff -q -f "$work/pair/old$alone" "$work/pair/new$alone" "$name.delta"
	fi
	echo "$(sha256sum < "$name.delta" | cut -c1-64) $(./facts.sh "$work/pair/new" |
	    sha256sum | cut -c1-64) $name" >> "$work/SUMS"
done
mv "$work/SUMS" SUMS
echo "golden: $(wc -l < SUMS) deltas, $(cat ./*.tar.xz ./*.delta | wc -c) bytes"
