#!/bin/bash
# sources.sh - make the pairs of trees that the golden deltas are between, each as
# tests/golden/NAME.tar.xz with the folders old and new.  They were made once;
# what changes with the format are the deltas (scripts/make-golden.sh).  Pairs that
# exist stay as they are, and so do those whose compiler is not there.
set -eu
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# pair NAME COMMAND...: the command fills old and new.
pair() {
	name=$1
	shift
	[ ! -e "$here/$name.tar.xz" ] || return 0
	rm -rf "$work/pair"
	mkdir -p "$work/pair/old" "$work/pair/new"
	if ! (cd "$work/pair" && umask 022 && "$@") > "$work/log" 2>&1; then
		echo "$name: not made: $(tail -n 1 "$work/log")"
		return 0
	fi
	tar -C "$work/pair" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
	    -cf - old new | xz -9e > "$here/$name.tar.xz"
	echo "$name: $(stat -c %s "$here/$name.tar.xz") bytes"
}

# n bytes that do not compress, out of a seed.
noise() {
	openssl enc -aes-128-ctr -K "$(printf %032x "$2")" -iv 0 -in /dev/zero 2> /dev/null |
	    head -c "$1" || true
}

# lines SEED N: text that is much the same everywhere, and different in each line.
lines() {
	awk -v s="$1" -v n="$2" 'BEGIN { srand(s); split("alpha beta gamma delta " \
	    "epsilon zeta eta theta iota kappa", w, " ");
	    for (i = 0; i < n; i++) printf "%d %s %s: %d\n", i, w[1 + int(rand() * 10)],
	    w[1 + int(rand() * 10)], rand() * 100000 }'
}

# A program of n functions that call each other, with strings, tables of pointers,
# switches and variables.  With `more` there is more of it in the middle.
program() {
	awk -v n="$1" -v more="${2:-0}" '
function body(i) {
	printf "const char *name_%d(int k);\n", i
	printf "__attribute__((noinline)) int work_%d(int a, int *p)\n{\n", i
	printf "\tint k, r = a * %d + shared[%d];\n", 3 + i % 7, i % 64
	printf "\tfor (k = 0; k < (a & %d); k++)\n\t\tr += p[k] ^ r >> %d;\n", 15 + i % 5, i % 9 + 1
	for (c = 1; c <= 3; c++)
		printf "\tif (r & %d)\n\t\tr ^= work_%d(r >> %d, p + %d);\n", 2 ^ (c + i % 4),
		    (i * 7 + c * 13) % n, c, c
	if (i % 3 == 0) {
		printf "\tswitch (a %% 8) {\n"
		for (c = 0; c < 7; c++)
			printf "\tcase %d: r += table[%d](r, p); break;\n", c, (i + c * 5) % n
		printf "\tdefault: shared[%d] += r;\n\t}\n", (i * 11) % 64
	}
	printf "\tlast = names[r & 31][0];\n\treturn r + other[a & 127];\n}\n"
}
BEGIN {
	print "typedef int function(int, int *);"
	print "extern int shared[64]; extern char last; extern short other[128];"
	print "extern const char *const names[32]; extern function *const table[];"
	for (i = 0; i < n + 9; i++) printf "function work_%d;\n", i
	for (i = 0; i < n; i++) {
		body(i)
		if (more && i == int(n / 3))
			for (m = 0; m < 5; m++) body(n + m)
	}
	print "int shared[64] = { 1, 2, 3 };\nchar last;\nshort other[128];"
	print "const char *const names[32] = {"
	for (i = 0; i < 32; i++) printf "\t\"%s name of number %d\",\n", (i % 11 || !more) ? "the" : "another", i
	print "};\nfunction *const table[] = {"
	for (i = 0; i < n; i++) printf "\twork_%d,\n", i
	if (more) for (m = 0; m < 5; m++) printf "\twork_%d,\n", n + m
	print "};"
}'
}

# compiled COMPILER [FLAG]...: old and new program.
compiled() {
	program "${functions:-90}" > "$work/a.c"
	program "${functions:-90}" 1 > "$work/b.c"
	"$@" -Os -ffreestanding -o old/program "$work/a.c"
	"$@" -Os -ffreestanding -o new/program "$work/b.c"
}

library="-shared -fPIC -nostdlib -fasynchronous-unwind-tables"

# ---- methods ----

listing() {
	mkdir old/a old/b
	lines 1 40 > old/a/one
	lines 2 40 > old/b/two
	cp -a old/. new/
	mkdir new/c
	mv new/a/one new/c/renamed
	cp new/b/two new/b/copied
	ln -s ../b/two new/c/link
	ln new/b/two new/b/hard
	chmod 700 new/b
}

sparse() {
	noise 20000 1 > old/data
	cp old/data new/data
	for at in 100 5000 5001 13333 19999; do
		printf '\125' | dd of=new/data bs=1 seek="$at" conv=notrunc 2> /dev/null
	done
}

substitute() {
	lines 3 900 > old/text
	sed 's/: \([0-9]*\)7/: \18/; s/^\([0-9]*5\) alpha/\1 omega/' old/text > new/text
}

repeat() {
	noise 300 1 > old/data
	noise 900 2 > new/one
	cp new/one new/two
	cp new/one new/zero
	: > new/empty
}

bundle() {
	for i in 1 2 3 4; do noise 3000 "$i" > "old/part$i"; done
	for i in 3 1 4 2 1; do tail -c 2900 "old/part$i"; noise 40 "9$i"; done > new/bundle
}

# The delta is made by hand, out of three of the four parts.
several() {
	for i in 1 2 3 4; do noise 700 "$i" > "old/part$i"; done
	tail -c 699 old/part3 > new/bundle
	{ printf '+!'; cat old/part1 old/part2; printf END; } >> new/bundle
}

# A single file, by Debian's bsdiff.
bsdiff40() {
	noise 9000 8 > old/alone
	{ head -c 4000 old/alone; printf 'something new'; tail -c 4900 old/alone |
	    tr '\000-\377' '\001-\377\000'; } > new/alone
}

# The same added to every fourth byte: neither sparse nor substituted.
differences() {
	noise 16000 5 > old/data
	od -An -v -tu1 -w4 old/data |
	    awk '{ printf "%02x%02x%02x%02x", ($1 + 16) % 256, $2, $3, $4 }' |
	    xxd -r -p > new/data
}

raw() { noise 3000 6 > new/data; lines 4 100 > new/text; }

# ---- deflate ----

# Frames of zstd and blocks of xz, of sizes that are known beforehand and that are not.
framed() {
	lines 5 1200 > old/text
	sed '200s/.*/something else/; 300d; 1000s/.*/more/' old/text > new/text
	for side in old new; do
		zstd -q -15 $side/text -o $side/sized.zst
		zstd -q -3 < $side/text > $side/piped.zst
		{ head -c 12000 $side/text | zstd -q -19 --no-check --stream-size=12000
		    tail -c +12001 $side/text | zstd -q -5; } > $side/two.zst
		xz -6 -c $side/text > $side/a.xz
		xz --check=crc32 --arm --lzma2=preset=0,dict=128KiB -c $side/text > $side/filtered.xz
		rm $side/text
	done
}

gzipped() {
	lines 5 450 > "$work/text"
	sed '200s/.*/something else/; 300d' "$work/text" > "$work/text2"
	gzip -9nc "$work/text" > old/a.gz
	gzip -9nc "$work/text2" > new/a.gz
	pigz_like() { python3 -c '
import sys, zlib
d = zlib.compressobj(int(sys.argv[1]), zlib.DEFLATED, int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
sys.stdout.buffer.write(b"head" + d.compress(sys.stdin.buffer.read()) + d.flush() + b"tail")' "$@"; }
	n=0
	for set in "1 15 8 0" "6 15 8 0" "9 15 9 0" "6 12 5 1" "6 15 8 2" "6 15 8 3"; do
		n=$((n + 1))
		# shellcheck disable=SC2086  # four numbers
		pigz_like $set < "$work/text" > "old/z$n"
		# shellcheck disable=SC2086
		pigz_like $set < "$work/text2" > "new/z$n"
	done
}

zipped() {
	python3 - <<-'PYTHON'
	import gzip, io, random, zipfile
	random.seed(7)
	words = "alpha beta gamma delta epsilon zeta eta theta".split()
	def text(seed, change):
	    r = random.Random(seed)
	    t = [" ".join(r.choice(words) for _ in range(9)) for _ in range(220)]
	    if change:
	        t[100] = "changed"
	        t.insert(50, "inserted")
	    return "\n".join(t).encode()
	def inner(change):
	    b = io.BytesIO()
	    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
	        for i in range(4):
	            z.writestr(zipfile.ZipInfo("in/%d" % i), text(i, change and i % 2), zipfile.ZIP_DEFLATED)
	    return b.getvalue()
	def outer(name, change):
	    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
	        z.writestr(zipfile.ZipInfo("inner.zip"), inner(change), zipfile.ZIP_DEFLATED)
	        z.writestr(zipfile.ZipInfo("packed.gz"), gzip.compress(text(9, change), 6, mtime=0), zipfile.ZIP_DEFLATED)
	        for i in range(3):
	            z.writestr(zipfile.ZipInfo("f%d" % i), text(20 + i, change and i == 1), zipfile.ZIP_DEFLATED)
	outer("old/nested.zip", False)
	outer("new/nested.zip", True)
	PYTHON
}

# ---- executables ----

# A raw arm64 kernel: code with the header that such files begin with.
kernel() {
	functions=250
	compiled aarch64-linux-gnu-gcc $library
	functions=
	for side in old new; do
		aarch64-linux-gnu-objcopy -O binary -j .text $side/program "$work/text"
		{ printf 'MZ\0\221\037\040\003\325'; printf '\0%.0s' $(seq 48)
		    printf 'ARM\144\0\0\0\0'; cat "$work/text"; } > $side/Image
		rm $side/program
	done
}

# An executable at the top of the address space, with sizes that lie.
high() {
	compiled gcc -static -nostdlib -mcmodel=kernel -fno-pie -no-pie \
	    -Wl,-e,work_0 -Wl,-Ttext-segment=0xffffffff81000000
	cp old/program old/lies
	cp new/program new/lies
	for side in old new; do
		# The size in memory of the first segment: nearly all there is.
		printf '\360\377\377\377\377\377\377\177' |
		    dd of=$side/lies bs=1 seek=$((64 + 40)) conv=notrunc 2> /dev/null
	done
}

# Go's linker with its tables; the code itself, two fifths of it, is left out.
go_program() {
	export GOCACHE="$work/go" GO111MODULE=off CGO_ENABLED=0
	PATH=$PATH:$(echo /usr/lib/go*/bin | tr " " :)
	for side in old new; do
		{ echo 'package main'
		    echo 'type shape interface { area() int; name() string }'
		    for i in $(seq 12); do
			echo "type s$i struct { a, b int; c *s$i }"
			echo "func (s *s$i) area() int { return s.a * s.b + $i }"
			echo "func (s *s$i) name() string { return \"shape $i\" }"
			[ $side = old ] || [ "$i" != 4 ] ||
			    echo 'func extra(x []int) (r int) { defer func() { println(r) }(); for _, v := range x { r += v * 3 }; return }'
		    done
		    echo 'func main() { m := map[string]shape{}'
		    for i in $(seq 12); do
			echo "m[\"$i\"] = &s$i{$i, 2, nil}"
		    done
		    [ $side = old ] || echo 'println(extra([]int{1, 2, 3}))'
		    echo 'for k, v := range m { println(k, v.area(), v.name()) } }'
		} > "$work/main.go"
		go build -trimpath -ldflags '-s -w' -o $side/program "$work/main.go"
		read -r at size < <(readelf -SW $side/program | awk '$2 == ".text" || $3 == ".text" {
		    for (i = 1; i < NF; i++) if ($i == "PROGBITS") print $(i + 2), $(i + 3) }')
		dd if=/dev/zero of=$side/program bs=4096 count=$((0x$size)) iflag=count_bytes \
		    oflag=seek_bytes seek=$((0x$at)) conv=notrunc 2> /dev/null
	done
}

# Programs of the pairs above as files of a filesystem, with holes.
filesystem() {
	PATH=$PATH:/sbin:/usr/sbin
	for side in old new; do
		mkdir "$work/$side"
		for i in thumb x86-64 aarch64; do
			tar -xJOf "$here/$i.tar.xz" $side/program > "$work/$side/$i"
			truncate -s +70000 "$work/$side/$i"
			echo end >> "$work/$side/$i"
		done
		truncate -s 640K $side/image
		mkfs.ext4 -q -F -b 1024 -O ^has_journal -N 32 -m 0 -d "$work/$side" \
		    -U 11111111-2222-3333-4444-555555555555 \
		    -E hash_seed=11111111-2222-3333-4444-555555555555 $side/image
	done
}

pair listing listing
pair sparse sparse
pair substitute substitute
pair repeat repeat
pair bundle bundle
pair several several
pair bsdiff40 bsdiff40
pair differences differences
pair raw raw
pair gzipped gzipped
pair framed framed
pair zipped zipped
# shellcheck disable=SC2086  # several flags
{
	pair x86-64 compiled gcc $library
	pair i386 compiled gcc -m32 $library
	pair aarch64 compiled aarch64-linux-gnu-gcc $library
	pair thumb compiled arm-linux-gnueabihf-gcc -mthumb $library
	pair arm compiled arm-linux-gnueabihf-gcc -marm $library
	pair relr compiled gcc $library -Wl,-z,pack-relative-relocs
	functions=250 pair module-x86-64 compiled gcc -c -mcmodel=kernel -fno-pie -fno-toplevel-reorder
	functions=250 pair module-aarch64 compiled aarch64-linux-gnu-gcc -c -fno-pie -fno-toplevel-reorder
}
pair kernel kernel
pair high high
pair go go_program
pair pieces filesystem
