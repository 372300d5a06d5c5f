#!/usr/bin/env bash
# Takes the token away under load: kills the p11-kit server before it, breaks the module in the process, stops the
# p11-kit server for a minute. Checks that the same process goes on each time, how soon, and that nothing leaks. Takes
# some two seconds a cycle.
#
# Usage: scripts/token-outage-test.sh [KILLS FAULTS [SEED]]      (default: 100 50)
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

kills=${1:-100}
faults=${2:-50}
for number in "$kills" "$faults"; do
  [[ "$number" =~ ^[1-9][0-9]*$ ]] || fail "not a number of times: $number"
done
options=("-Doutage.kills=$kills" "-Doutage.faults=$faults" -Doutage.hang=60)
if [ -n "${3:-}" ]; then
  [[ "$3" =~ ^-?[0-9]+$ ]] || fail "not a seed: $3"
  options+=("-Doutage.seed=$3")
fi

require_jdk
install_missing mvn=maven softhsm2-util=softhsm2 gcc=gcc /usr/include/stdlib.h=libc6-dev \
  p11-kit=p11-kit "/usr/lib/$(uname -m)-linux-gnu/pkcs11/p11-kit-client.so=p11-kit-modules"

tables=ca-server/target/token-outage-test
rm -rf "$tables"

# No unit test has this name: only the outage test runs, on the distribution that is built before it.
result=0
mvn -B -q -Dformat.skip -pl ca-server -am -Dtest=NoUnitTest -Dsurefire.failIfNoSpecifiedTests=false \
  -Dit.test=TokenOutageIT -Dfailsafe.failIfNoSpecifiedTests=false "${options[@]}" verify || result=$?

if compgen -G "$tables/*.txt" >/dev/null; then
  cat "$tables"/*.txt
fi
if [ "$result" != 0 ]; then
  echo "token outage test: FAILED; which cycle and which seed stand above"
  exit 1
fi
echo "token outage test: $kills kills and $faults faults, every invariant held"
