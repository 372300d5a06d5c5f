#!/usr/bin/env bash
# Kills the server under load, by SIGKILL, at every step between a ready order and the answer with its certificate, on
# both databases, and checks each time what is left and what becomes of it. Takes some ten seconds a kill.
#
# Usage: scripts/crash-test.sh [KILLS-PER-DATABASE [SEED]]      (default: 110)
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

kills=${1:-110}
[[ "$kills" =~ ^[1-9][0-9]*$ ]] || fail "not a number of kills: $kills"
options=("-Dcrash.kills=$kills")
if [ -n "${2:-}" ]; then
  [[ "$2" =~ ^-?[0-9]+$ ]] || fail "not a seed: $2"
  options+=("-Dcrash.seed=$2")
fi

require_jdk
install_missing mvn=maven softhsm2-util=softhsm2

tables=ca-server/target/crash-test
rm -rf "$tables"

# No unit test has this name: only the crash test runs, on the distribution that is built before it.
result=0
mvn -B -q -Dformat.skip -pl ca-server -am -Dtest=NoUnitTest -Dsurefire.failIfNoSpecifiedTests=false \
  -Dit.test=CrashIT -Dfailsafe.failIfNoSpecifiedTests=false "${options[@]}" verify || result=$?

if compgen -G "$tables/*.txt" >/dev/null; then
  cat "$tables"/*.txt
fi
if [ "$result" != 0 ]; then
  echo "crash test: FAILED; step, number and seed stand above"
  exit 1
fi
echo "crash test: $((2 * kills)) kills on 2 databases, every invariant held"
