#!/bin/sh
# A Debian without systemd: cron's line brings updates; upgrade, purge.
. /packages/lib.sh

check "dpkg installs it" dpkg -i "$(package)"
check "it runs" delta-apply --version
configure "start = touch /tmp/started
stop = rm -f /tmp/started
status = test -e /tmp/started"
check "by hand: the first release" delta-apply
check "it runs that release" runs 1
# Each minute, at once; the lines are otherwise those of the package.
sed -i 's/^SPREAD=.*/SPREAD=0/; s/^7,37 /* /' /etc/cron.d/delta-apply
serve 2
cron -f > /dev/null 2>&1 &
cron=$!
check "cron's line brings an update" within 100 runs 2
kill $cron
# Its run may still be looking at health.
check "that run ends" within 60 sh -c 'delta-apply --quiet; [ $? -ne 6 ]'
serve 3
check "a release that is not well is taken back" refused delta-apply --quiet
check "what ran before runs" runs 2
check "back by hand" delta-apply rollback
check "to the first" runs 1
check "remove keeps the state" sh -c 'dpkg -r delta-apply && [ -d /var/lib/delta-apply/demo ]'
check "purge takes the state" sh -c 'dpkg -P delta-apply && ! [ -e /var/lib/delta-apply ]'
check "purge takes cron's line" lacks /etc/cron.d/delta-apply
check "purge leaves the application" [ -x /opt/demo/current/bin/demo ]
echo "the end"
