#!/usr/bin/env bash
# From a source tree to a running certificate authority; see usage below.
set -euo pipefail
umask 077

root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
# shellcheck source=build/prerequisites.sh
. "$root/scripts/build/prerequisites.sh"

usage() {
  cat <<'USAGE'
Usage: scripts/quickstart.sh [--home DIR] [--set key=value ...]

Builds Chancery when needed, installs SoftHSM2 when missing, makes a token, a root CA, an issuing CA and a database
in DIR, and serves in the foreground until Ctrl-C. Run again, it goes on with what is there. It prints one line

    ready: <ACME directory URL>

when it can issue, and leaves the root certificate in DIR/root.pem.

  --home DIR        where everything is kept (default: $CHANCERY_HOME, else ./chancery-home)
  --set key=value   overrides a key of the configuration by its dotted path; can be given several times
  --help            prints this

CHANCERY_DISTRIBUTION names a distribution that is built already; then nothing is built.
USAGE
}

misused() {
  echo "quickstart.sh: $1" >&2
  usage >&2
  exit 2
}

home=${CHANCERY_HOME:-chancery-home}
overrides=()
while [ $# -gt 0 ]; do
  case "$1" in
    --home=* | --set=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      ;;
    --home)
      [ -n "${2:-}" ] || misused "--home needs a directory"
      home=$2
      shift 2
      ;;
    --set)
      [[ "${2:-}" == ?*=* ]] || misused "--set needs key=value"
      overrides+=(--set "$2")
      shift 2
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) misused "unknown argument: $1" ;;
  esac
done

# The launcher of a distribution that is newer than every source, or nothing.
built_launcher() {
  local launcher
  for launcher in "$root"/ca-server/target/chancery-*/bin/chancery; do
    if [ -x "$launcher" ] && [ -e "$stamp" ] && [ -z "$(newer_source)" ]; then
      echo "$launcher"
    fi
    return
  done
}

newer_source() {
  find "$root" -mindepth 1 \( -name target -o -name '.?*' -o -path "$root/chancery-home" \) -prune -o \
    \( -path '*/src/*' -o -path "$root/config/*" -o -path "$root/scripts/*" -o -name pom.xml \) \
    ! -path '*/src/test/*' -type f -newer "$stamp" -print -quit
}

stamp=$root/ca-server/target/quickstart.stamp
if [ -n "${CHANCERY_DISTRIBUTION:-}" ]; then
  launcher=$CHANCERY_DISTRIBUTION/bin/chancery
  [ -x "$launcher" ] || fail "CHANCERY_DISTRIBUTION: there is no $launcher"
else
  launcher=$(built_launcher)
fi
if [ -z "$launcher" ]; then
  require_jdk
  require_maven
  echo "Building Chancery (the first time takes a few minutes)" >&2
  mkdir -p "${stamp%/*}"
  touch "$stamp.new"
  (umask 022 && cd "$root" && mvn -q -B -Dmaven.test.skip=true -Dformat.skip package) >&2 || fail "the build failed"
  mv "$stamp.new" "$stamp"
  launcher=$(built_launcher)
  [ -n "$launcher" ] || fail "a source changed while the build ran: start again"
fi

install_missing softhsm2-util=softhsm2

# A finished home needs no set-up; an interrupted one is finished. What init will refuse is refused before the tokens
# are made.
if [ ! -e "$home/root.pem" ] || [ ! -e "$home/ca/issuing.pem" ]; then
  "$launcher" init --check --home "$home" "${overrides[@]}" >/dev/null
  mkdir -p "$home"
  for label in chancery chancery-root; do
    "$root/scripts/softhsm-init.sh" --dir "$home/token" --label "$label" >&2
  done
  "$launcher" init --home "$home" "${overrides[@]}" >&2
fi

# Later starts are faster with a cache; making it must not delay this one, nor outlive it: it is in a process group of
# its own, which is ended when the server, the process that this script becomes, is gone. The outer subshell leaves
# both to init, so that the server gets no child it does not know.
warm_up() {
  local group
  trap '' HUP
  setsid nice -n 19 "${launcher%/*}/warm-up" &
  group=$!
  while kill -0 "$group" 2>/dev/null; do
    if ! kill -0 $$ 2>/dev/null; then
      kill -TERM -- "-$group"
      return
    fi
    sleep 0.5
  done
}
(warm_up </dev/null >/dev/null 2>&1 &)

exec "$launcher" serve --home "$home" "${overrides[@]}"
