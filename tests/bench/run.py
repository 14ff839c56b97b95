#!/usr/bin/env python3
"""run.py BIN MEASURE CORPUS OUT [PAIR...] - make, apply and compare a delta of each pair
by each program, one after the other; OUT/bench.tsv gets a line for each.

Lines of pairs that are not measured now stay as they are.  BENCH_ALL=1: the peers too
for pairs with a side of more than 100 MB.  BENCH_SECONDS: the limit of one program.
BENCH_ONLY="mkdelta mkdelta-9": these programs alone; lines of the others stay as they
are where the new side is the same.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = ("pair", "kind", "old_bytes", "new_bytes", "new_sha256", "codec", "bytes",
          "diff_cpu", "diff_kib", "patch_cpu", "patch_kib", "check", "run")
CODECS = ["mkdelta", "mkdelta-9", "bsdiff", "xdelta3", "zstd", "rdiff"]
LARGE = 100_000_000
PATCHES = 3         # the least CPU of so many applications is taken
ONLY = os.environ.get("BENCH_ONLY", "").split()
LIMIT = int(os.environ.get("BENCH_SECONDS", "3600"))


def pairs():
    """Name to kind, in the order of the table."""
    with open(os.path.join(HERE, "pairs.tsv"), encoding="utf-8") as table:
        lines = (line.rstrip("\n").split("\t") for line in table if line[0] != "#")
        return {line[0]: line[1] for line in lines}


def tar(tree, to):
    """The same tree is always the same bytes."""
    with open(to, "wb") as out:
        subprocess.run(["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0",
                        "--numeric-owner", "--format=gnu", "-C", tree, "-cf", "-", "."],
                       stdout=out, check=True, env={**os.environ, "LC_ALL": "C"})


def sha256(path):
    whole = hashlib.sha256()
    with open(path, "rb") as data:
        while piece := data.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


def measure(program, words):
    """CPU seconds and KiB of the command; None when it failed or took too long."""
    got, said = os.pipe()
    run = subprocess.Popen(
        ["bash", "-c", 'exec 3>&"$0"; exec "$@"', str(said), program, str(LIMIT), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        pass_fds=[said])
    os.close(said)
    with os.fdopen(got) as answer:
        text = answer.read().split()
    if run.wait() != 0 or len(text) != 3 or text[0] != "0":
        return None
    return int(text[1]) / 1e6, int(text[2])


class Pair:
    """One pair, as a program for trees and one for files want it."""

    def __init__(self, name, folder, work):
        self.name = name
        self.old, self.new = (os.path.join(folder, side) for side in ("old", "new"))
        self.is_tree = os.path.isdir(self.new)
        self.old_file, self.new_file = self.old, self.new
        if self.is_tree:
            self.old_file, self.new_file = (os.path.join(work, side + ".tar")
                                            for side in ("old", "new"))
            tar(self.old, self.old_file)
            tar(self.new, self.new_file)
        self.old_bytes = os.path.getsize(self.old_file)
        self.new_bytes = os.path.getsize(self.new_file)
        self.sha256 = sha256(self.new_file)

    def same(self, out, work):
        """Is what was built the new side?"""
        if os.path.isdir(out):
            built = os.path.join(work, "built.tar")
            tar(out, built)
            out = built
        return os.path.exists(out) and sha256(out) == self.sha256


def commands(pair, mkdelta, work):
    """Codec to (make, apply, the result): ours has the trees, the others the tars."""
    old, new, delta, out = pair.old_file, pair.new_file, f"{work}/delta", f"{work}/out"
    window = str(max(pair.old_bytes, 1 << 20) + (1 << 20))
    rdiff = ('rdiff -b 512 signature "$0" "$2.sig" && rdiff delta "$2.sig" "$1" "$2.raw" && '
             'zstd -q -19 -f "$2.raw" -o "$2"')
    rpatch = 'zstd -q -d -f "$1" -o "$1.raw" && rdiff patch "$0" "$1.raw" "$2"'
    zstd = ["zstd", "-q", "-f", "--long=31", f"--patch-from={old}"]
    xdelta = ["xdelta3", "-q", "-f", "-B", window]

    def ours(effort):
        return ([mkdelta, "diff", "-q", "--effort", effort, pair.old, pair.new, delta],
                [mkdelta, "patch", "-q", pair.old, delta, out])

    return {
        "mkdelta": ours("5"),
        "mkdelta-9": ours("9"),
        "bsdiff": (["bsdiff", old, new, delta], ["bspatch", old, out, delta]),
        "xdelta3": (xdelta + ["-9", "-S", "lzma", "-W", "16777216", "-e", "-s", old, new,
                              delta], xdelta + ["-d", "-s", old, delta, out]),
        "zstd": (zstd + ["-22", "--ultra", new, "-o", delta],
                 zstd + ["-d", delta, "-o", out]),
        "rdiff": (["sh", "-c", rdiff, old, new, delta], ["sh", "-c", rpatch, old, delta, out]),
    }


def clear(work, keep):
    for name in os.listdir(work):
        path = os.path.join(work, name)
        if name in keep:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def one(pair, codec, make, apply, program, work):
    """The line of one program."""
    row = {"codec": codec, "bytes": "-", "diff_cpu": "-", "diff_kib": "-",
           "patch_cpu": "-", "patch_kib": "-", "check": "failed"}
    clear(work, ("old.tar", "new.tar"))
    made = measure(program, make)
    if made is None:
        return row
    row.update(bytes=os.path.getsize(f"{work}/delta"), diff_cpu=f"{made[0]:.3f}",
               diff_kib=made[1])
    applied = []
    for _ in range(PATCHES):
        clear(work, ("old.tar", "new.tar", "delta"))
        cost = measure(program, apply)
        if cost is None:
            return row
        applied.append(cost)
    row.update(patch_cpu=f"{min(a[0] for a in applied):.3f}",
               patch_kib=max(a[1] for a in applied),
               check="ok" if pair.same(f"{work}/out", work) else "wrong")
    return row


def bench(name, kind, folder, mkdelta, program, parent):
    work = tempfile.mkdtemp(prefix="bench.", dir=parent)
    rows = []
    started = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())
    try:
        pair = Pair(name, folder, work)
        large = max(pair.old_bytes, pair.new_bytes) > LARGE
        for codec, (make, apply) in commands(pair, mkdelta, work).items():
            if ONLY and codec not in ONLY:
                continue
            if large and not codec.startswith("mkdelta") and not os.environ.get("BENCH_ALL"):
                row = dict.fromkeys(("bytes", "diff_cpu", "diff_kib", "patch_cpu",
                                     "patch_kib"), "-") | {"codec": codec, "check": "large"}
            else:
                row = one(pair, codec, make, apply, program, work)
            row |= {"pair": name, "kind": kind, "old_bytes": pair.old_bytes,
                    "new_bytes": pair.new_bytes, "new_sha256": pair.sha256,
                    "run": started}
            print(f"{name:10} {codec:10} {row['bytes']:>10} bytes, made in "
                  f"{row['diff_cpu']:>8} s, applied in {row['patch_cpu']:>7} s: "
                  f"{row['check']}", flush=True)
            rows.append(row)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return rows


def load(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as table:
        lines = [line.rstrip("\n").split("\t") for line in table if line[0] != "#"]
    return [dict(zip(FIELDS, line)) for line in lines]


def merge(old, rows):
    """The lines of one pair's run put in place of those that they replace."""
    pair, digest = rows[0]["pair"], rows[0]["new_sha256"]
    now = {row["codec"] for row in rows}
    return rows + [row for row in old if row["pair"] != pair or
                   ONLY and row["new_sha256"] == digest and row["codec"] not in now]


def store(path, rows, order):
    def place(row):
        return (order.index(row["pair"]) if row["pair"] in order else 99,
                CODECS.index(row["codec"]))

    rows.sort(key=place)
    with open(path + ".part", "w", encoding="utf-8") as table:
        print("# " + "\t".join(FIELDS), file=table)
        for row in rows:
            print("\t".join(str(row[field]) for field in FIELDS), file=table)
    os.replace(path + ".part", path)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    bin_dir, program, corpus, out = (os.path.abspath(path) for path in sys.argv[1:5])
    kinds = pairs()
    wrong = False
    os.makedirs(out, exist_ok=True)
    table = os.path.join(out, "bench.tsv")
    for name in sys.argv[5:] or kinds:
        folder = os.path.join(corpus, name)
        if not os.path.exists(folder):
            print(f"{name}: not in {corpus}, left out", flush=True)
            continue
        rows = bench(name, kinds.get(name, "other"), folder, os.path.join(bin_dir, "mkdelta"),
                     program, os.environ.get("TMPDIR", "/var/tmp"))
        wrong |= any(row["check"] == "wrong" or row["check"] == "failed" and
                     row["codec"].startswith("mkdelta") for row in rows)
        store(table, merge(load(table), rows), list(kinds))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
