#!/bin/bash
# check-links.sh BIN - what the programs must not contain: the device signs
# nothing and decodes nothing by itself, its decoder and the release side never
# talk to a network.
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
needs() {
	readelf -d "$bin/$1" | grep NEEDED | grep -qE "\[lib($2)\."
}
if needs delta-apply 'archive|zstd|lzma|z|bz2' ||
    printf '%s\n' "$symbols" | grep -qE ' [TtWw] (delta_open|untar_open|zread_open)$'; then
	echo "delta-apply decodes by itself; delta-apply-decode is to"
	bad=1
fi
if needs delta-apply-decode 'curl|jansson|inih|ssl'; then
	echo "delta-apply-decode is linked with more than it needs"
	bad=1
fi
if ldd "$bin/mkdelta" | grep -q libcurl; then
	echo "mkdelta is linked with libcurl"
	bad=1
fi
[ $bad -eq 0 ] && echo "links: no signing code and no decoder in delta-apply, no network in mkdelta"
exit $bad
