#!/usr/bin/env bash
# Runs every test and closes with a line of its own: "N passed, N failed, N skipped". Further arguments go to Maven,
# for example: scripts/test.sh -pl core
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

require_jdk
install_missing mvn=maven softhsm2-util=softhsm2 pkcs11-tool=opensc certbot=certbot pebble=pebble openssl=openssl \
  ssh-keygen=openssh-client script=bsdutils unshare=util-linux \
  gcc=gcc /usr/include/stdlib.h=libc6-dev curl=curl python3=python3 \
  umoci=umoci bwrap=bubblewrap p11-kit=p11-kit "/usr/lib/$(uname -m)-linux-gnu/pkcs11/p11-kit-client.so=p11-kit-modules" \
  node=nodejs npm=npm certutil=libnss3-tools "/usr/lib/$(uname -m)-linux-gnu/libsoftokn3.so=libnss3" \
  ocsptool=gnutls-bin certtool=gnutls-bin vfychain=libnss3-tools nginx=nginx-light
# One by one, so that one that is missing does not keep out the others.
for client in lego dehydrated acme-tiny uacme; do
  install_if_available "$client=$client"
done

# Reports of an earlier run must not be counted.
find . -path ./.git -prune -o -type d \( -name surefire-reports -o -name failsafe-reports \) -prune -exec rm -rf {} +

# Every module's tests run even when one fails; the reports decide.
maven=0
mvn -B -ntp -Dmaven.test.failure.ignore=true "$@" verify || maven=$?

scripts/build/summary.py "$maven" "$@"
