#!/bin/sh
# facts.sh TREE - types, modes, sizes, links and contents, one entry a line: two trees
# that say the same here are the same.
cd "$1" || exit 2
find . ! -type d -printf '%y %m %n %s %P %l\n' -o -printf '%y %m %P\n' | LC_ALL=C sort
find . -type f -exec sha256sum {} + | LC_ALL=C sort
