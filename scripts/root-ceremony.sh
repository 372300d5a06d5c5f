#!/usr/bin/env bash
# Holds the ceremony of an offline root, from the distribution or a built source tree; no network.
set -euo pipefail
here=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

usage() {
  cat <<'HELP'
usage: scripts/root-ceremony.sh STEP ARGUMENTS

  check DIR              say in plain words what the plan in DIR would make
  manifest DIR           list the files of DIR, for carrying it to another machine
  rehearse OPTIONS       go through it with a throw-away SoftHSM2 token (softhsm2 must be installed)
  run OPTIONS            hold it; run again, it goes on where it stood
  status DIR             say where it stands
  verify DIR             check a finished one

The steps, in their order, with what people do between them: docs/ceremony.md. STEP --help lists
the options. rehearse needs --in and --out alone and makes its token in --out/token.

exit codes: 0 done, 1 refused or failed, 2 wrong usage
HELP
}

refuse() {
  echo "root-ceremony.sh: $1" >&2
  exit 1
}

(($# > 0)) || { usage >&2; exit 2; }
case $1 in
  --help | -h)
    usage
    exit 0
    ;;
esac

chancery=$here/bin/chancery
[[ -x $chancery ]] || chancery=$here/scripts/chancery
command -v ssh-keygen >/dev/null || refuse "ssh-keygen is missing: install OpenSSH"

if [[ $1 != rehearse ]]; then
  exec "$chancery" ceremony "$@"
fi

# A token in a directory of its own, beside the rehearsal's transcript.
out=
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  case ${arguments[i]} in
    --out) out=${arguments[i + 1]-} ;;
    --out=*) out=${arguments[i]#--out=} ;;
    --help | -h) exec "$chancery" ceremony "$@" ;;
  esac
done
[[ -n $out ]] || { echo "root-ceremony.sh: --out is missing" >&2; usage >&2; exit 2; }

# The store is made with a token of no use in it, and has room for the one of the rehearsal.
made=$("$here/scripts/softhsm-init.sh" --dir "$out/token" --label store) || exit 1
library=$(sed -n 's/^library: //p' <<<"$made")
token=$(cd "$out/token" && pwd -P)
exec "$chancery" ceremony "$@" --library "$library" \
  --environment "SOFTHSM2_CONF=$token/softhsm2.conf" \
  --pin-file "$token/store.pin" --so-pin-file "$token/store.so-pin"
