#!/bin/bash
# check-includes.sh - the arrows between folders, one doorway per library, and
# one door to the disk.
#
#	manifest/base <- manifest <- apply, mkdelta, hosting
#	manifest/base <- apply/patch <- apply/decode, mkdelta
#	apply/decode/wire.h <- apply: it decodes nothing by itself
#	manifest, apply/patch <- mkdelta/encode <- mkdelta
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0

complain() {
	echo "$1"
	bad=1
}

# layer FILE: the room it stands in.
layer() {
	case $1 in
	manifest/base/*) echo base ;;
	manifest/*) echo manifest ;;
	apply/patch/*) echo patch ;;
	apply/decode/wire.*) echo wire ;;
	apply/decode/*) echo decode ;;
	apply/*) echo apply ;;
	mkdelta/encode/*) echo encode ;;
	mkdelta/*) echo mkdelta ;;
	hosting/*) echo hosting ;;
	*) echo tests ;;
	esac
}

# may ROOM: the rooms it may include from.
may() {
	case $1 in
	base) echo "base" ;;
	manifest) echo "manifest base" ;;
	patch) echo "patch base" ;;
	wire) echo "wire base" ;;
	decode) echo "decode wire patch base" ;;
	apply) echo "apply wire manifest base" ;;
	encode) echo "encode patch manifest base" ;;
	mkdelta) echo "mkdelta encode patch manifest base" ;;
	hosting) echo "hosting manifest base" ;;
	*) echo "tests hosting mkdelta encode apply decode wire patch manifest base" ;;
	esac
}

while IFS=: read -r file line text; do
	target=${text#\#include \"}
	target=${target%%\"*}
	if [ ! -e "$target" ]; then
		complain "$file:$line: $target is no path from the root"
		continue
	fi
	from=$(layer "$file")
	case " $(may "$from") " in
	*" $(layer "$target") "*) ;;
	*) complain "$file:$line: $from must not include $target" ;;
	esac
done < <(git ls-files '*.c' '*.h' | xargs grep -nH '^#include "')

# door HEADER FILE...: only these may include it (tests are free).
door() {
	header=$1
	shift
	for file in $(git ls-files '*.c' '*.h' | xargs grep -lE "^#include <$header"); do
		case $file in tests/*) continue ;; esac
		case " $* " in
		*" $file "*) ;;
		*) complain "$file: <$header...> has its doorway in: $*" ;;
		esac
	done
}
door openssl/ manifest/base/hash.c manifest/verify.c manifest/sign.c
door jansson manifest/jv.c
door zstd apply/patch/zread.c apply/patch/frame_zstd.c mkdelta/encode/zwrite.c
door lzma apply/patch/lzread.c apply/patch/frame_xz.c mkdelta/encode/lzwrite.c
door bzlib mkdelta/encode/bzip2.c
door zlib apply/patch/deflate.c
door archive apply/patch/untar.c mkdelta/unpack.c
door curl/ apply/fetch.c hosting/fetch.c
door divsufsort mkdelta/encode/suffix.c
door ini.h apply/conf.c

# The calls that change the disk stand in manifest/base only.
calls='(creat|renameat2?|rename|linkat|symlinkat|symlink|unlinkat|unlink|mkdirat|mkdir|rmdir|ftruncate|truncate|fallocate|posix_fallocate|fchmodat|fchmod|chmod|fchownat|fchown|chown|lchown|utimensat|futimens|fsetxattr|setxattr|lsetxattr|fsync|fdatasync|syncfs|copy_file_range|pwrite|mkstemp|mkdtemp|fopen)'
while IFS=: read -r file line text; do
	case $file in manifest/base/*) continue ;; esac
	complain "$file:$line: the disk changes through fs_change.h only:$text"
done < <(git ls-files 'manifest/*.c' 'apply/*.c' 'mkdelta/*.c' 'hosting/*.c' |
    xargs grep -nHP "(?<![A-Za-z0-9_>.])$calls\(")

[ $bad -eq 0 ] && echo "includes: the arrows and doorways hold"
exit $bad
