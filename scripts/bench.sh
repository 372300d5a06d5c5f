#!/usr/bin/env bash
# Runs one of the benchmarks: what it measured, a table, and whether a limit that was set is kept.
#
# Usage: scripts/bench.sh token [ROUNDS]      (default: 9; some four minutes)
#            signing in a token, against the JDK's PKCS #11 provider by itself (docs/performance.md)
#        scripts/bench.sh acme [SECONDS]      (default: 30; some five minutes)
#            complete http-01 orders on both databases, against Pebble: how many a second, and their processor time;
#            SECONDS is for how long each server is measured with each number of clients (docs/performance.md)
#        scripts/bench.sh revocation          both of these, as they are by default:
#        scripts/bench.sh revocation ocsp [CERTIFICATES [SECONDS]]      (default: 1000000 and 5; some ten minutes)
#            OCSP answers that are kept, and that are signed for each request, against the same HTTP server, the same
#            token and openssl ocsp; lookups and revocations with few and with many certificates (docs/performance.md)
#        scripts/bench.sh revocation crl [REVOKED]      (default: 1000000; some two minutes)
#            CRLs of very many revoked certificates in PostgreSQL, made with a small heap, against Bouncy Castle's builder
#
# Ends with 0 when the limits are kept, 1 when one is not or nothing could be measured, 2 when called wrongly. Other work
# on the machine blurs the result: ratios stand longest.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
# shellcheck source=build/prerequisites.sh
. scripts/build/prerequisites.sh

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' scripts/bench.sh
}

wrong() {
  echo "bench.sh: $*" >&2
  usage >&2
  exit 2
}

bench_token() {
  local rounds=${1:-9}
  [ $# -le 1 ] || wrong "token takes a number of rounds and nothing else"
  [[ "$rounds" =~ ^[1-9][0-9]{0,3}$ ]] || wrong "not a number of rounds: $rounds"
  require_jdk
  install_missing mvn=maven softhsm2-util=softhsm2
  rm -rf hsm/target/benchmark
  mkdir -p hsm/target/benchmark
  mvn -B -q -ntp -Dformat.skip -pl hsm -am -P token-benchmark "-Dbenchmark.rounds=$rounds" \
    "-Dbenchmark.module=SoftHSM $(softhsm2-util --version)" process-test-classes | tee hsm/target/benchmark/table.txt
  # Not Maven's word alone: a run that broke off has no such line.
  grep -q '^within the limit' hsm/target/benchmark/table.txt || exit 1
}

bench_acme() {
  local seconds=${1:-30} folder=ca-server/target/benchmark
  [ $# -le 1 ] || wrong "acme takes a number of seconds and nothing else"
  [[ "$seconds" =~ ^[1-9][0-9]{0,4}$ ]] || wrong "not a number of seconds: $seconds"
  require_jdk
  install_missing mvn=maven softhsm2-util=softhsm2 openssl=openssl pebble=pebble
  rm -rf "$folder"
  mkdir -p "$folder"
  mvn -B -q -ntp -Dformat.skip -DskipTests -pl ca-server -am -P acme-benchmark "-Dbenchmark.seconds=$seconds" \
    integration-test | tee "$folder/table.txt"
  grep -q 'within the limits$' "$folder/table.txt" || exit 1
}

bench_revocation_ocsp() {
  local certificates=${1:-1000000} seconds=${2:-5} folder=ca-server/target/benchmark
  [ $# -le 2 ] || wrong "revocation ocsp takes a number of certificates, seconds and nothing else"
  [[ "$certificates" =~ ^[1-9][0-9]{5,7}$ ]] || wrong "not a number of certificates from 100000 on: $certificates"
  [[ "$seconds" =~ ^[1-9][0-9]{0,2}$ ]] || wrong "not a number of seconds: $seconds"
  require_jdk
  install_missing mvn=maven softhsm2-util=softhsm2 openssl=openssl ab=apache2-utils
  rm -rf "$folder"
  mkdir -p "$folder"
  SOFTHSM2_CONF="$PWD/$folder/softhsm2.conf" mvn -B -q -ntp -Dformat.skip -pl ca-server -am -P ocsp-benchmark \
    "-Dbenchmark.certificates=$certificates" "-Dbenchmark.seconds=$seconds" process-test-classes | tee "$folder/table.txt"
  grep -q '^within the limits' "$folder/table.txt" || exit 1
}

bench_revocation_crl() {
  local revoked=${1:-1000000} folder=crl-publisher/target/benchmark
  [ $# -le 1 ] || wrong "revocation crl takes a number of revoked certificates and nothing else"
  [[ "$revoked" =~ ^[1-9][0-9]{0,7}$ ]] || wrong "not a number of certificates: $revoked"
  require_jdk
  install_missing mvn=maven
  rm -rf "$folder"
  mkdir -p "$folder"
  mvn -B -q -ntp -Dformat.skip -pl crl-publisher -am -P crl-benchmark "-Dbenchmark.revoked=$revoked" \
    process-test-classes | tee "$folder/table.txt"
  grep -q '^within the limits' "$folder/table.txt" || exit 1
}

bench_revocation() {
  case "${1:-}" in
    ocsp) bench_revocation_ocsp "${@:2}" ;;
    crl) bench_revocation_crl "${@:2}" ;;
    '')
      local kept=0
      scripts/bench.sh revocation ocsp || kept=1
      scripts/bench.sh revocation crl || kept=1
      return "$kept"
      ;;
    *) wrong "no such part of revocation: $1" ;;
  esac
}

case "${1:-}" in
  -h | --help) usage ;;
  token) bench_token "${@:2}" ;;
  acme) bench_acme "${@:2}" ;;
  revocation) bench_revocation "${@:2}" ;;
  '') wrong "which benchmark?" ;;
  *) wrong "no such benchmark: $1" ;;
esac
