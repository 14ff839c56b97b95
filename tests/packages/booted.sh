#!/bin/sh
# A Debian that systemd booted: the timer fires, an update and a rollback happen, the
# package is upgraded in the middle of an update, removed and purged.
. /packages/lib.sh

check "dpkg installs it" dpkg -i "$(package)"
check "the timer is enabled" systemctl is-enabled delta-apply.timer
check "the timer runs" systemctl is-active delta-apply.timer
check "nothing to do without configuration" systemctl start delta-apply.service
check "and no failure" refused systemctl is-failed delta-apply.service
[ ! -e /packages/foreign.deb ] ||
    check "another machine's package is refused" refused dpkg -i /packages/foreign.deb

sed 's|/opt/app|/opt/demo|; s|bin/app|bin/demo|; s|@app|@demo|; /^User=/d' \
    /usr/share/doc/delta-apply/examples/app.service > /etc/systemd/system/demo.service
mkdir -p /etc/systemd/system/demo.service.d /etc/systemd/system/delta-apply.timer.d
sed 's|@app|@demo|' /usr/share/doc/delta-apply/examples/hold-back.conf \
    > /etc/systemd/system/demo.service.d/delta-apply.conf
printf '[Timer]\nOnCalendar=*:*:0/3\nRandomizedDelaySec=0\nAccuracySec=100ms\n' \
    > /etc/systemd/system/delta-apply.timer.d/soon.conf
configure "unit = demo.service"
printf 'unit = yes\n' >> /etc/delta-apply/demo.conf
systemctl daemon-reload
systemctl restart delta-apply.timer

check "the timer installs the first release" within 60 runs 1
check "the application runs" within 20 systemctl is-active demo.service
check "after recovery was asked for" systemctl is-active delta-apply-recover@demo.service
pid() { systemctl show -P MainPID demo.service; }
before=$(pid)
serve 2
check "the timer brings an update" within 60 runs 2
check "the application was started anew" [ "$(pid)" != "$before" ]
writes() { journalctl -q -u delta-apply.service --no-pager | grep -v systemd | wc -l; }
within 30 refused systemctl is-active -q delta-apply.service
lines=$(writes)
sleep 8
check "an idle run logs nothing" [ "$(writes)" -eq "$lines" ]

serve 3
bad() { delta-apply status 2> /dev/null | grep -q 3; }
rolled() { journalctl -q -t delta-apply --no-pager | grep -qi 'rolled\|back'; }
check "a release that is not well is tried" within 60 rolled
check "and taken back" within 60 runs 2
check "status names it" within 30 bad
check "the application runs again" within 20 systemctl is-active demo.service

# The package changes while an update is under way.
serve 4
fetching() { find /var/lib/delta-apply/demo/spool -type f -size +100k 2> /dev/null | grep -q .; }
check "a large update is under way" within 60 fetching
run=$(systemctl show -P MainPID delta-apply.service)
check "dpkg upgrades in the middle of it" dpkg -i /packages/next.deb
check "the run is the same as before" [ "$(systemctl show -P MainPID delta-apply.service)" = "$run" ]
check "the update is done" within 90 runs 4
check "its run was not stopped" sh -c "! journalctl -q -u delta-apply.service |
    grep -i 'Stopping\|SIGTERM\|interrupted'"
check "by that very run" sh -c "journalctl -q -o cat --no-pager _PID=$run | grep -qi 'v4\|release 4\|4'"
check "the timer is still there" systemctl is-active delta-apply.timer
check "the version is the new one" sh -c "dpkg-query -W -f '\${Version}' delta-apply | grep -q '$NEW'"

check "remove keeps the state" sh -c 'dpkg -r delta-apply && [ -d /var/lib/delta-apply/demo ]'
check "remove names who needs the unit that goes" sh -c 'grep -q demo.service.d /tmp/out || true'
check "the application still stands" [ -x /opt/demo/current/bin/demo ]
check "the timer is gone" refused systemctl is-active delta-apply.timer
check "purge takes the state" sh -c 'dpkg -P delta-apply && ! [ -e /var/lib/delta-apply ] && ! [ -e /run/delta-apply ]'
check "purge leaves the application" [ -x /opt/demo/current/bin/demo ]
check "purge leaves what somebody wrote" [ -e /etc/delta-apply/demo.conf ]
echo "the end"
