#!/bin/bash
# check-links.sh BIN - what the programs must not contain: the device signs
# nothing, the release side never talks to a network.
set -u
bin=${1:-build/bin}
bad=0
symbols=$(nm "$bin/delta-apply") || exit 2
for name in signer_sign signer_new tuf_sign tuf_new_signed; do
	if printf '%s\n' "$symbols" | grep -qE " [TtWw] $name$"; then
		echo "delta-apply contains $name: signing code on the device"
		bad=1
	fi
done
if ldd "$bin/mkdelta" | grep -q libcurl; then
	echo "mkdelta is linked with libcurl"
	bad=1
fi
[ $bad -eq 0 ] && echo "links: no signing code on the device, no network in mkdelta"
exit $bad
