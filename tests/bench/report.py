#!/usr/bin/env python3
"""report.py OUT - bench.md and bench.svg of OUT/bench.tsv, in the same folder."""
import math
import os
import sys

from run import FIELDS, HERE, load, pairs

OURS = ("mkdelta", "mkdelta-9")
PEERS = ("bsdiff", "xdelta3", "zstd", "rdiff")
PUBLISHED = ("hdiffpatch", "ostree")
KINDS = {"patch": "executables, patch releases", "minor": "executables, minor releases",
         "text": "text trees", "packed": "jar, zip, gz", "squashfs": "squashfs with gzip",
         "system": "system trees", "image": "images", "other": "others"}

HEAD = """# Measured against other programs

Made by `make bench OUT=docs` (tests/bench/). A pair is measured in one run, one program after the other: bytes of the delta, CPU (user and system, of all threads) and the largest memory of one
process, to make it and to apply it (the least CPU of three times); `BENCH_ONLY` measures some programs again, and costs are compared within a run only. Each delta was applied and its result compared with the new side. Sizes and ratios can be trusted; seconds depend on the
machine and on what else it did.

| program | how |
|---|---|
| mkdelta, mkdelta-9 | `mkdelta diff` with `--effort 5` (the default) and `9`; `mkdelta patch` also hashes the old side, writes a tree instead of a tar, and syncs it |
| bsdiff | Debian's 4.3, `bspatch` |
| xdelta3 | `-9 -S lzma -W 16M -B` of the old side and 1 MiB |
| zstd | `-22 --ultra --long=31 --patch-from` |
| rdiff | blocks of 512 bytes, then `zstd -19` |

Programs for files get the tar of a tree (sorted, without times and owners). HDiffPatch and ostree were **not measured here**: their bytes are of an earlier run over the same pairs
(tests/bench/published.tsv), and count where the new side has the same SHA-256. `-`: not run or not known; the others than mkdelta are left out where a side has more than 100 MB, unless
`BENCH_ALL=1`. *Best* is the smallest of all but mkdelta. A ratio below 1 is for mkdelta.

`make bench PAIRS="esbuild-p vips"` measures some pairs, `CORPUS=DIR` takes one that is there (DIR/PAIR/old and new) instead of fetching into build/corpus, `OUT` is build/bench unless
given. Those that are not measured keep their lines in bench.tsv.
"""


def number(text):
    return None if text == "-" else float(text)


def published():
    with open(os.path.join(HERE, "published.tsv"), encoding="utf-8") as table:
        lines = (line.rstrip("\n").split("\t") for line in table if line[0] != "#")
        return {(pair, codec, sha256): float(size) for pair, codec, size, sha256 in lines}


class Measured:
    """All that is known of one pair."""

    def __init__(self, name, rows, known):
        self.name = name
        self.rows = {row["codec"]: row for row in rows}
        first = rows[0]
        self.kind, self.day = first["kind"], first["run"][:10]
        self.old_bytes, self.new_bytes = float(first["old_bytes"]), float(first["new_bytes"])
        self.bytes = {c: number(r["bytes"]) for c, r in self.rows.items() if r["check"] == "ok"}
        for codec in PUBLISHED:
            if (name, codec, first["new_sha256"]) in known:
                self.bytes[codec] = known[name, codec, first["new_sha256"]]
        others = {c: b for c, b in self.bytes.items() if c not in OURS and b}
        self.best = min(others, key=others.get) if others else None

    def value(self, codec, field):
        row = self.rows.get(codec)
        return number(row[field]) if row and row["check"] == "ok" else None

    def ratio(self, codec):
        mine = self.bytes.get(codec)
        return mine / self.bytes[self.best] if mine and self.best else None

    def against(self, field, peer="bsdiff", codec="mkdelta"):
        if peer not in self.rows or self.rows[peer]["run"] != self.rows[codec]["run"]:
            return None
        mine, its = self.value(codec, field), self.value(peer, field)
        return mine / its if mine and its else None


def count(value):
    return "-" if value is None else f"{value:,.0f}"


def short(value):
    return "-" if value is None else f"{value:.3f}" if value < 0.095 else f"{value:.2f}"


def table(head, lines):
    text = "| " + " | ".join(head) + " |\n|" + "---|" + "--:|" * (len(head) - 1) + "\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines)


def mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def sizes(all_pairs):
    codecs = OURS + PEERS + PUBLISHED
    lines = []
    for p in all_pairs:
        best = p.best if p.best else "-"
        lines.append([p.name, count(p.new_bytes)] + [
            f"**{count(p.bytes.get(c))}**" if c == p.best else count(p.bytes.get(c))
            for c in codecs] + [best, short(p.ratio("mkdelta")), short(p.ratio("mkdelta-9"))])
    return table(["pair", "new side", *codecs[:-2], "hdiffpatch (published)",
                  "ostree (published)", "best", "ratio", "ratio, effort 9"], lines)


def means(all_pairs):
    lines = []
    for kind, title in KINDS.items():
        own = [p for p in all_pairs if p.kind == kind]
        known = [p for p in own if p.ratio("mkdelta")]
        if own:
            lines.append([f"{title}: {', '.join(p.name for p in own)}",
                          short(mean(p.ratio("mkdelta") for p in known)),
                          short(mean(p.ratio("mkdelta-9") for p in known)),
                          *(short(mean(p.against(field) for p in own)) for field in
                            ("diff_cpu", "diff_kib", "patch_cpu", "patch_kib"))])
    return table(["geometric mean", "bytes to best", "bytes to best, effort 9",
                  "diff CPU to bsdiff", "diff memory", "patch CPU to bspatch",
                  "patch memory"], lines)


def costs(all_pairs, what):
    lines = []
    for p in all_pairs:
        cells = []
        for codec in OURS + PEERS:
            cpu, kib = p.value(codec, what + "_cpu"), p.value(codec, what + "_kib")
            cells.append("-" if cpu is None else f"{cpu:.2f} s, {kib / 1024:,.0f} MiB")
        lines.append([p.name] + cells)
    return table(["pair", *OURS, *PEERS], lines)


def failures(all_pairs):
    bad = [f"{p.name} by {codec}: {row['check']}" for p in all_pairs
           for codec, row in p.rows.items() if row["check"] not in ("ok", "large")]
    return "".join(f"* {line}\n" for line in bad) or "None.\n"


def markdown(all_pairs):
    days = sorted({p.day for p in all_pairs})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return "\n".join([
        HEAD, f"Measured {when}: {len(all_pairs)} of {len(pairs())} pairs of tests/bench/pairs.tsv.",
        "", "![deltas relative to the best other program](bench.svg)", "",
        "## Bytes", "", sizes(all_pairs), "## By kind", "",
        "Ratios of the default effort unless it says 9; the costs are compared where bsdiff was measured in the same run.",
        "", means(all_pairs), "## To make it", "", costs(all_pairs, "diff"), "## To apply it",
        "", costs(all_pairs, "patch"), "## What failed", "", failures(all_pairs)])


# ---- the plot: one row a pair, bytes relative to the best peer, logarithmic

COLOURS = {"mkdelta": "#0b5cad", "mkdelta-9": "#0b5cad", "bsdiff": "#c0392b",
           "xdelta3": "#8e6bbf", "zstd": "#d68910", "rdiff": "#7f8c8d",
           "hdiffpatch": "#1e8449", "ostree": "#5d4037"}
LEFT, RIGHT, TOP, ROW = 190, 30, 84, 24
WIDTH = 900


def mark(codec, x, y, hint):
    colour = COLOURS[codec]
    fill = colour if codec == "mkdelta" else "white"
    title = f"<title>{hint}</title>"
    if codec in OURS:
        r = 6 if codec == "mkdelta" else 4
        return (f'<circle cx="{x:.1f}" cy="{y}" r="{r}" fill="{fill}" stroke="{colour}" '
                f'stroke-width="1.5">{title}</circle>')
    if codec in PUBLISHED:
        return (f'<path d="M{x:.1f} {y - 5} l5 5 l-5 5 l-5 -5 z" fill="white" '
                f'stroke="{colour}" stroke-width="1.5" stroke-dasharray="2 1.5">{title}</path>')
    return (f'<rect x="{x - 4:.1f}" y="{y - 4}" width="8" height="8" fill="{colour}" '
            f'fill-opacity="0.75">{title}</rect>')


def legend():
    out, x = [], LEFT
    for codec in OURS + PEERS + PUBLISHED:
        name = codec + (" (published)" if codec in PUBLISHED else "")
        out.append(mark(codec, x, 44, name))
        out.append(f'<text x="{x + 10}" y="48">{name}</text>')
        x += 26 + 6.3 * len(name)
    return out


def svg(all_pairs):
    shown = [p for p in all_pairs if p.best]
    points = [(row, codec, size / p.bytes[p.best], size)
              for row, p in enumerate(shown) for codec, size in p.bytes.items() if size]
    low = min([math.log2(v) for _, _, v, _ in points] + [-1])
    high = max([math.log2(v) for _, _, v, _ in points] + [1])
    low, high = math.floor(low), math.ceil(high)
    height = TOP + ROW * len(shown) + 20

    def across(ratio):
        return LEFT + (math.log2(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif" font-size="12" fill="#222">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           '<text x="12" y="22" font-size="15">Bytes of a delta, relative to the best other '
           'program (left is smaller)</text>', *legend()]
    for power in range(low, high + 1):
        x, label = across(2.0 ** power), str(2 ** power) if power >= 0 else f"1/{2 ** -power}"
        line = "#555" if power == 0 else "#ddd"
        out.append(f'<path d="M{x:.1f} {TOP - 6} V{height - 14}" stroke="{line}"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle" '
                   f'font-size="11">{label}</text>')
    for row, p in enumerate(shown):
        y = TOP + ROW * row + ROW // 2
        if row > 0 and shown[row - 1].kind != p.kind:
            out.append(f'<path d="M12 {y - ROW // 2} H{WIDTH - RIGHT}" stroke="#bbb"/>')
        size = p.new_bytes / 1e6
        out.append(f'<text x="12" y="{y + 4}">{p.name} <tspan fill="#777">'
                   f'{size:,.0f} MB</tspan></text>')
    for row, codec, ratio, size in reversed(points):
        hint = f"{shown[row].name}, {codec}: {size:,.0f} bytes, {ratio:.3f} of the best other"
        out.append(mark(codec, across(ratio), TOP + ROW * row + ROW // 2, hint))
    return "\n".join(out + ["</svg>", ""])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = sys.argv[1]
    known, by_pair = published(), {}
    for row in load(os.path.join(out, "bench.tsv")):
        assert len(row) == len(FIELDS), "bench.tsv: a line of another shape; remove it"
        by_pair.setdefault(row["pair"], []).append(row)
    if not by_pair:
        sys.exit("report: nothing was measured")
    kinds = list(KINDS)
    all_pairs = sorted((Measured(name, rows, known) for name, rows in by_pair.items()),
                       key=lambda p: kinds.index(p.kind))
    for name, text in (("bench.md", markdown(all_pairs)), ("bench.svg", svg(all_pairs))):
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
