#!/bin/bash
# check-units.sh - the units, as installed, and the examples beside them pass
# systemd-analyze verify without a word; sudoers passes visudo, cron lines have their
# fields.  Prints what systemd-analyze security says of the service.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v systemd-analyze > /dev/null || { echo "check-units: no systemd-analyze"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

make -s install PREFIX="$dir/usr" UNITDIR="$dir/units" > "$dir/said" 2>&1 ||
    { cat "$dir/said"; exit 1; }
cp service/app.service service/delta-apply-user.service "$dir/units/"
mkdir -p "$dir/units/delta-apply.service.d" "$dir/units/app.service.d" \
    "$dir/strict/delta-apply.service.d"
cp service/hold-back.conf "$dir/units/app.service.d/"
# What the examples run and who does is not on this machine.
sed -i 's|^ExecStart=/opt/.*|ExecStart=/bin/true|; s|^User=app$|User=daemon|' "$dir"/units/*.service
sed -i "s|/usr/bin/delta-apply|$dir/usr/bin/delta-apply|" "$dir/units/delta-apply-user.service"
mv "$dir/units/delta-apply-recover@.service" "$dir/units/delta-apply-recover@app.service"

verify() {
	systemd-analyze verify --man=no "$@" > "$dir/said" 2>&1
	status=$?
	if [ $status -ne 0 ] || [ -s "$dir/said" ]; then
		echo "systemd-analyze verify $*: status $status"
		cat "$dir/said"
		bad=1
	fi
}
export SYSTEMD_UNIT_PATH="$dir/units:"
for unit in delta-apply.timer delta-apply.service delta-apply-recover@app.service \
    app.service delta-apply-user.service; do
	verify "$dir/units/$unit"
done

# Does it see anything at all?
sed 's/^Persistent/Persitent/' "$dir/units/delta-apply.timer" > "$dir/units/wrong.timer"
cp "$dir/units/delta-apply.service" "$dir/units/wrong.service"
if [ -z "$(systemd-analyze verify --man=no "$dir/units/wrong.timer" 2>&1)" ]; then
	echo "systemd-analyze verify: a misspelt key passes"
	bad=1
fi

score() {
	systemd-analyze security --no-pager --offline=true "$dir/units/delta-apply.service" |
	    sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p'
}
echo "# figure: systemd-analyze security: delta-apply.service $(score)"
cp service/strict.conf "$dir/units/delta-apply.service.d/"
verify "$dir/units/delta-apply.service"
cat "$dir/units/delta-apply.service" <(sed 's/^#.*//' service/strict.conf) > "$dir/strict/delta-apply.service"
mv "$dir/strict/delta-apply.service" "$dir/units/delta-apply.service"
echo "# figure: systemd-analyze security: with strict.conf $(score)"

if command -v visudo > /dev/null && ! visudo -qcf service/sudoers > "$dir/said" 2>&1; then
	cat "$dir/said"
	bad=1
fi
if ! grep -E '^([0-9*@])' service/delta-apply.cron | awk '
    /^@/ { if ($2 != "root") bad = 1; next } $6 != "root" { bad = 1 } END { exit bad }'; then
	echo "service/delta-apply.cron: a line without its fields or user"
	bad=1
fi
[ $bad -eq 0 ] && echo "units: verified, nothing said"
exit $bad
