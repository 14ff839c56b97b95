#!/bin/sh
# release.sh TREE VERSION - one release, from a machine that has nothing but this tree.
#
#	URL	what devices read, as https://updates.example.org
#	DEST	the folder behind it
#	ROOT	a copy of metadata/1.root.json, kept with the sources
#	STABLE_KEY, ONLINE_KEY	private keys in PEM, secrets of the job
#
# It may be run again at any time: the same tree and version are no new release.
set -eu
tree=$1
version=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

delta-host pull --root "$ROOT" --channel stable "$URL" "$work/repo"
mkdelta release "$work/repo" "$tree" --channel stable --version "$version" \
    --key env:STABLE_KEY --key env:ONLINE_KEY \
    --before-signing "delta-host pull --check '$URL' '$work/repo'"
delta-host publish "$work/repo" "$DEST"
delta-host verify --root "$ROOT" --quick "$URL"
