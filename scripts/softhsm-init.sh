#!/usr/bin/env bash
# Makes a SoftHSM2 token in a private directory, with PINs of its own. Run again it changes nothing.
set -euo pipefail
umask 077

usage() {
  cat <<'HELP'
usage: scripts/softhsm-init.sh --dir DIR --label LABEL

Makes a SoftHSM2 token named LABEL in the private directory DIR:

  DIR/softhsm2.conf    what SOFTHSM2_CONF must name
  DIR/tokens/          the token
  DIR/LABEL.pin        its user PIN, generated
  DIR/LABEL.so-pin     its security officer's PIN, generated

Whatever is there already is left as it is. Prints the path of the PKCS #11 library in a line
"library: PATH". Needs softhsm2-util and script (Debian: softhsm2, bsdutils).

exit codes: 0 done, 1 refused or failed, 2 wrong usage
HELP
}

wrong_usage() {
  echo "softhsm-init.sh: $1" >&2
  usage >&2
  exit 2
}

refuse() {
  echo "softhsm-init.sh: $1" >&2
  exit 1
}

dir=
label=
while (($# > 0)); do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --dir | --label)
      (($# >= 2)) || wrong_usage "$1 needs a value"
      [[ $1 == --dir ]] && dir=$2 || label=$2
      shift 2
      ;;
    *) wrong_usage "unknown argument: $1" ;;
  esac
done
[[ -n $dir ]] || wrong_usage "--dir is missing"
[[ -n $label ]] || wrong_usage "--label is missing"
# The label becomes a file name, and PKCS #11 gives it 32 octets.
[[ $label =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$ ]] ||
  wrong_usage "a label is 1 to 32 letters, digits, dots, underscores and hyphens: $label"
[[ $dir != *$'\n'* ]] || wrong_usage "a directory name cannot have a line end"

command -v softhsm2-util >/dev/null ||
  refuse "softhsm2-util is missing: apt-get install softhsm2"
command -v script >/dev/null || refuse "script is missing: apt-get install bsdutils"

library=
for candidate in \
  /usr/lib/softhsm/libsofthsm2.so \
  "/usr/lib/$(uname -m)-linux-gnu/softhsm/libsofthsm2.so" \
  /usr/lib64/softhsm/libsofthsm2.so \
  /usr/lib64/pkcs11/libsofthsm2.so \
  /usr/local/lib/softhsm/libsofthsm2.so; do
  if [[ -r $candidate ]]; then
    library=$candidate
    break
  fi
done
[[ -n $library ]] || refuse "libsofthsm2.so was not found: apt-get install libsofthsm2"

# 1. A directory that only its owner, who is us, can enter.
made_dir=
if [[ -e $dir || -L $dir ]]; then
  [[ -d $dir ]] || refuse "$dir is not a directory"
  [[ -O $dir ]] || refuse "$dir belongs to another user"
  mode=$(stat -Lc %a "$dir")
  [[ $mode == 700 ]] || refuse "$dir is open to other users (mode $mode): chmod 700 it first"
else
  mkdir -p "$dir"
  made_dir=yes
fi
dir=$(cd "$dir" && pwd -P)

conf=$dir/softhsm2.conf
pin_file=$dir/$label.pin
so_pin_file=$dir/$label.so-pin
created=()

# 2. From here on a failure takes away again what this run has made, and nothing else.
undo() {
  local status=$?
  trap - EXIT
  if ((status != 0)); then
    for path in "${created[@]}"; do
      rm -rf -- "$path"
    done
    if [[ -n $made_dir ]]; then
      rm -f -- "$dir/.softhsm-init.lock"
      rmdir -- "$dir" 2>/dev/null || true
    fi
  fi
  exit "$status"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Two runs at once would each find no token.
exec 9>>"$dir/.softhsm-init.lock"
flock 9

if [[ ! -e $conf ]]; then
  created+=("$conf")
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n' \
    "$dir/tokens" >"$conf"
fi
if [[ ! -e $dir/tokens ]]; then
  created+=("$dir/tokens")
  mkdir "$dir/tokens"
fi
export SOFTHSM2_CONF=$conf

tokens_named_so() {
  softhsm2-util --show-slots | awk -v label="$label" '
    /^ *Label:/ { sub(/^ *Label: */, ""); sub(/ *$/, ""); if ($0 == label) n++ } END { print n + 0 }'
}

# 3. Already done?
found=$(tokens_named_so)
if ((found > 0)); then
  [[ -s $pin_file ]] ||
    refuse "a token $label is in $dir but $pin_file is missing: put its PIN there"
  echo "token $label in $dir is there already, nothing changed"
  echo "library: $library"
  exit 0
fi
for path in "$pin_file" "$so_pin_file"; do
  [[ ! -e $path ]] || refuse "$path is there but the token $label is not: move the file away first"
done

# 4. PINs, and the token in a store of its own until it is whole.
new_pin() {
  local pin
  pin=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  ((${#pin} == 32)) || refuse "/dev/urandom gave too little"
  printf '%s\n' "$pin"
}
pin=$(new_pin)
so_pin=$(new_pin)
staging=$(mktemp -d "$dir/.init-XXXXXX")
created+=("$staging")
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
  "$staging" >"$staging/softhsm2.conf"

# On the command line every user of the machine could read the PINs. softhsm2-util asks for those it
# is not given, each twice, but only on a terminal: script(1) makes one. Its output is not shown,
# since the terminal may echo.
if ! output=$(
  printf '%s\n' "$so_pin" "$so_pin" "$pin" "$pin" |
    SOFTHSM2_CONF=$staging/softhsm2.conf script -qec \
      "softhsm2-util --init-token --free --label $label" /dev/null
); then
  refuse "softhsm2-util could not make the token: $(grep -a ERROR <<<"$output" | tr -d '\r' | head -n 1)"
fi
token=$(find "$staging" -mindepth 1 -maxdepth 1 -type d)
[[ -f $token/token.object ]] || refuse "softhsm2-util made no token"

# 5. The PINs first: a token without its PIN would be lost, a PIN without its token is refused above.
created+=("$so_pin_file" "$pin_file")
printf '%s\n' "$so_pin" >"$so_pin_file"
printf '%s\n' "$pin" >"$pin_file"
sync "$so_pin_file" "$pin_file"
mv -- "$token" "$dir/tokens/"
created=("$staging")
rm -rf -- "$staging"

(($(tokens_named_so) == 1)) || refuse "the token $label was made but cannot be seen"
echo "token $label made in $dir"
echo "library: $library"
