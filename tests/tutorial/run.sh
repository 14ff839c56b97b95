#!/bin/bash
# run.sh BUILD - docs/tutorial.md does what it says: its commands are taken out of it
# and run in their order, by one shell, in namespaces of their own in which /etc, /usr
# and /var are copies that go away.  What stands behind `text` is the last line that the
# block before it printed.  Packages are those of `make install` here, and systemctl
# stands in for a systemd; nginx, python3 and all programs are real.  Needs root.
# Closes with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
here=$PWD
[ "$(id -u)" -eq 0 ] || { echo "tutorial: needs root, for namespaces of its own" >&2; exit 77; }

if [ "${2:-}" != inside ]; then
	BUILD=$(cd "$1" && pwd) || exit 2
	export BUILD
	exec unshare -mnpf --mount-proc "$here/tests/tutorial/run.sh" "$1" inside
fi

# ---- a machine of its own ----
set -e
ip link set lo up
over=$(mktemp -d)
mount -t tmpfs tmpfs "$over"
for dir in etc usr var; do
	mkdir -p "$over/$dir" "$over/$dir.work"
	mount -t overlay overlay "/$dir" \
	    -o "lowerdir=/$dir,upperdir=$over/$dir,workdir=$over/$dir.work"
done
for dir in opt srv run; do
	mkdir -p "/$dir" && mount -t tmpfs -o mode=755 tmpfs "/$dir"
done
mkdir -p "$over/home" "$over/sources" /run/units
cp "$here/tests/tutorial/systemctl" /usr/local/bin/systemctl
# make deb is a test of its own; here it is the names of packages.
cat > /usr/local/bin/make <<'END'
#!/bin/sh
[ "$1" = deb ] || exec /usr/bin/make "$@"
arch=${2#ARCH=}
mkdir -p "build/deb/$arch"
for name in mkdelta delta-host delta-apply; do : > "build/deb/$arch/${name}_0_$arch.deb"; done
END
cat > /usr/local/bin/apt-get <<END
#!/bin/sh
# What a package would bring: its program, units and folders.
for word; do
	case \$word in
	*.deb)
		[ -e "\$word" ] || { echo "\$word: not there" >&2; exit 100; }
		/usr/bin/make -s -C "$here" -o programs BUILD="$BUILD" install PREFIX=/usr \\
		    UNITDIR=/lib/systemd/system > /dev/null && mkdir -p /etc/delta-apply ;;
	esac
done
END
printf '#!/bin/sh\nexec "$@"\n' > /usr/local/bin/sudo
chmod 755 /usr/local/bin/*
export HOME=$over/home PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset CI SUDO_UID
systemctl --init &
set +e

# ---- its commands ----
python3 - "$here/docs/tutorial.md" "$over" <<'END'
import re, sys
text = open(sys.argv[1]).read()
blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)
n = 0
for i, (kind, body) in enumerate(blocks):
	if kind == "sh":
		n += 1
		open(f"{sys.argv[2]}/{n:02}.sh", "w").write(body)
	elif kind == "text" and n > 0:
		open(f"{sys.argv[2]}/{n:02}.text", "w").write(body)
	else:
		sys.exit(f"tutorial.md: a block of {kind}")
END
passed=0 failed=0
cd "$over/sources" || exit 2
for block in "$over"/??.sh; do
	n=$(basename "$block" .sh)
	line=$(head -n 1 "$block" | cut -c1-60)
	# What the text says in words: the two files are copied to the Pi.
	if grep -q '/delta-apply_' "$block"; then
		mkdir -p "$over/pi" && cd "$over/pi" || exit 2
		cp "$over"/sources/build/deb/arm64/delta-apply_*.deb "$HOME/repo/metadata/1.root.json" .
	fi
	# shellcheck source=/dev/null
	(set -e; . "$block") > "$over/$n.out" 2> "$over/$n.err" < /dev/null
	status=$?
	if [ $status -ne 0 ]; then
		cat "$over/$n.out" "$over/$n.err"
		echo "not ok - $line: status $status"
		failed=$((failed + 1))
	elif [ -e "$over/$n.text" ] && [ "$(tail -n 1 "$over/$n.out")" != "$(tail -n 1 "$over/$n.text")" ]; then
		cat "$over/$n.out" "$over/$n.err"
		echo "not ok - $line: the last line is another one"
		failed=$((failed + 1))
	else
		echo "ok - $line"
		passed=$((passed + 1))
	fi
	[ -z "${SHOW:-}" ] || sed 's/^/    /' "$block" "$over/$n.out" "$over/$n.err"
done
if grep -qs 'exit status 5' "$over"/*.out; then
	passed=$((passed + 1))
else
	echo "not ok - the bad release is refused with status 5"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 10 ]
