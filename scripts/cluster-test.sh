#!/usr/bin/env bash
# Two server processes on one PostgreSQL behind a proxy that cuts a tenth of the requests in their middle; 50 clients;
# each process is killed by SIGKILL and started again meanwhile. Checks that every order ends with one certificate and
# that no nonce works twice. Takes some minutes.
#
# Usage: scripts/cluster-test.sh [ORDERS [CLIENTS [SEED]]]      (default: 2000 50)
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

orders=${1:-2000}
clients=${2:-50}
for number in "$orders" "$clients"; do
  [[ "$number" =~ ^[1-9][0-9]*$ ]] || fail "not a number: $number"
done
options=("-Dcluster.orders=$orders" "-Dcluster.clients=$clients")
if [ -n "${3:-}" ]; then
  [[ "$3" =~ ^-?[0-9]+$ ]] || fail "not a seed: $3"
  options+=("-Dcluster.seed=$3")
fi

require_jdk
install_missing mvn=maven softhsm2-util=softhsm2 pebble-challtestsrv=pebble

report=ca-server/target/cluster-test/report.txt
rm -f "$report"

# No unit test has this name: only the cluster test runs, on the distribution that is built before it.
result=0
mvn -B -q -Dformat.skip -pl ca-server -am -Dtest=NoUnitTest -Dsurefire.failIfNoSpecifiedTests=false \
  -Dit.test=ClusterIT -Dfailsafe.failIfNoSpecifiedTests=false "${options[@]}" verify || result=$?

if [ -e "$report" ]; then
  cat "$report"
fi
if [ "$result" != 0 ]; then
  echo "cluster test: FAILED; what did not hold and the seed stand above"
  exit 1
fi
echo "cluster test: $orders orders, every invariant held"
