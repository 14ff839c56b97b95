#!/bin/sh
# bsdiff40.make PAIR - a patch by Debian's bsdiff, to standard output.
set -e
out=$(mktemp)
bsdiff "$1/old/alone" "$1/new/alone" "$out"
cat "$out"
rm "$out"
