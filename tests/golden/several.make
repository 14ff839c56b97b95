#!/usr/bin/env python3
"""several.make PAIR - a delta with four sources for one output, as no encoder of ours
may write it, out of docs/delta-format.md alone; to standard output."""
import hashlib
import os
import sys

pair = sys.argv[1]


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(2 * n if n >= 0 else -2 * n - 1)


def read(rel):
    with open(os.path.join(pair, rel), "rb") as f:
        return f.read()


def listing(side, hashes):
    lines = ["#mtree", ". type=dir mode=0755"]
    for name in sorted(os.listdir(os.path.join(pair, side))):
        data = read(side + "/" + name)
        line = "./%s type=file mode=0644 size=%d" % (name, len(data))
        lines.append(line + (" sha256digest=" + hashlib.sha256(data).hexdigest() if hashes else ""))
    return ("\n".join(lines) + "\n").encode()


old, new, reduced = listing("old", True), listing("new", True), listing("new", False)
# The reduced listing is raw (0).  The output is a patch (1), sparse with several
# sources (1 + 4): four (less 1), entries 1, 2, 4 and 3 of the old listing.
control = b"\0" + b"\1" + varint(5) + varint(3) + b"".join(map(varint, [1, 2, 4, 3]))
# All of part3 but a byte, two new bytes; back to part1, over its end into part2; END.
# The sources are 1, 2, 4, 3, each of 700 bytes.
seek = zigzag(2101) + zigzag(-2800)
copy = varint(699) + varint(1400)
fresh = varint(2) + varint(3)
extra = reduced + b"+!END"
streams = {0: control, 1: seek, 2: copy, 3: fresh, 7: extra}
head = b"MKD1" + hashlib.sha256(old).digest()[:8] + hashlib.sha256(new).digest()[:8]
head += varint((256 << 10) + len(streams) * (8 << 10)) + varint(0) + varint(len(reduced))
head += varint(sum(1 << k for k in streams))
for kind in sorted(streams):
    head += b"\0" + varint(len(streams[kind]))
sys.stdout.buffer.write(head + b"".join(streams[k] for k in sorted(streams)))
