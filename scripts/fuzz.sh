#!/usr/bin/env bash
# Feeds mutants of right requests to what reads them: JWS, keys, names, payloads, CSRs; and a thousandth as many over a
# socket. Nothing but a refusal may come of them, within a second and 64 MiB each. Takes some ten minutes.
#
# Usage: scripts/fuzz.sh [EXECUTIONS [SEED]]      (default: 10000000)
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

executions=${1:-10000000}
[[ "$executions" =~ ^[1-9][0-9]*$ ]] || fail "not a number of executions: $executions"
options=("-Dfuzz.executions=$executions" "-Dfuzz.threads=$(nproc)")
if [ -n "${2:-}" ]; then
  [[ "$2" =~ ^-?[0-9]+$ ]] || fail "not a seed: $2"
  options+=("-Dfuzz.seed=$2")
fi

require_jdk
install_missing mvn=maven

tables=acme-server/target/fuzz
rm -rf "$tables"

result=0
mvn -B -q -Dformat.skip -pl acme-server -am -Dtest=FuzzTest -Dsurefire.failIfNoSpecifiedTests=false \
  "${options[@]}" test || result=$?

if compgen -G "$tables/*.txt" >/dev/null; then
  cat "$tables"/*.txt
fi
if [ "$result" != 0 ]; then
  echo "fuzz: FAILED; the mutant, its number and the seed stand above"
  exit 1
fi
echo "fuzz: $executions executions, every one taken or refused"
