# shellcheck shell=bash
# Sourced by the scripts: what a build needs from the machine, and how to say what is missing.

readonly java_release=25

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Whether the folder is a JDK of the release that the build asks for.
is_jdk() {
  [ -x "$1/bin/javac" ] && [[ "$("$1/bin/javac" -version 2>&1)" =~ ^"javac $java_release"([^0-9]|$) ]]
}

# Maven may itself run on an older Java: the build picks this JDK for all that it compiles and runs.
require_jdk() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    if [ -n "$home" ] && is_jdk "$home"; then
      return
    fi
  done
  if home=$(command -v javac) && home=$(readlink -f "$home") && is_jdk "${home%/bin/javac}"; then
    return
  fi
  fail "no JDK $java_release found (looked at JAVA_HOME, /usr/lib/jvm and the PATH).
Install one, for example Eclipse Temurin $java_release (package temurin-$java_release-jdk) or, where the distribution has it:
    apt-get install openjdk-$java_release-jdk-headless
An older default java may stay as it is."
}

require_maven() {
  command -v mvn >/dev/null || fail "Maven is missing. Install it: apt-get install maven"
}

# Installs the packages of the commands or files that are missing. Arguments: command=package or /a/file=package ...
install_missing() {
  local pair missing=()
  for pair in "$@"; do
    [ -e "${pair%%=*}" ] || command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "missing: ${missing[*]}. Install with: apt-get install ${missing[*]}"
  fi
  echo "Installing ${missing[*]}" >&2
  {
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  } >&2 || fail "cannot install ${missing[*]}"
}

# The same for what some tests can do without: they are skipped, and counted so, where it is not to be had.
install_if_available() {
  (install_missing "$@") || echo "Going on without; the tests that need one of $* are skipped" >&2
}
