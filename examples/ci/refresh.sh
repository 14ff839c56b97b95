#!/bin/sh
# refresh.sh - each day: devices see that nothing is held back from them.  It needs the
# online key alone; URL, DEST, ROOT and ONLINE_KEY are those of release.sh.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

delta-host pull --root "$ROOT" --expired "$URL" "$work/repo"
mkdelta refresh "$work/repo" --key env:ONLINE_KEY \
    --before-signing "delta-host pull --check --expired '$URL' '$work/repo'"
delta-host publish "$work/repo" "$DEST"
