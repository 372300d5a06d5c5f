# Sourced by the launcher with $here set: finds the JVM, the class path and where the start-up cache may be.
# Sets java, class_path, jvm_options, server_options, command_options, cache_name and cache_folders.
# shellcheck shell=bash disable=SC2034,SC2154

readonly oldest_java=25

# Whether the folder holds a JVM that is new enough; its version goes to java_version.
is_new_enough() {
  local line
  [ -x "$1/bin/java" ] || return 1
  java_version=
  if [ -r "$1/release" ]; then
    while IFS= read -r line; do
      case "$line" in
        JAVA_RUNTIME_VERSION=*)
          line=${line#*=}
          java_version=${line//\"/}
          break
          ;;
        JAVA_VERSION=*)
          line=${line#*=}
          java_version=${line//\"/}
          ;;
      esac
    done <"$1/release"
  fi
  if [ -z "$java_version" ]; then
    line=$("$1/bin/java" -version 2>&1) || return 1
    line=${line#*\"}
    java_version=${line%%\"*}
  fi
  [[ "$java_version" =~ ^([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$oldest_java" ]
}

find_java() {
  local home
  if [ -n "${JAVA_HOME:-}" ] && is_new_enough "$JAVA_HOME"; then
    java=$JAVA_HOME/bin/java
    return
  fi
  if home=$(command -v java) && home=$(readlink -f "$home") && is_new_enough "${home%/bin/java}"; then
    java=$home
    return
  fi
  for home in /usr/lib/jvm/*"$oldest_java"*; do
    if is_new_enough "$home"; then
      java=$home/bin/java
      return
    fi
  done
  echo "chancery: no Java $oldest_java found (looked at JAVA_HOME, the PATH and /usr/lib/jvm)." >&2
  echo "Install one, for example Eclipse Temurin $oldest_java (package temurin-$oldest_java-jre) or openjdk-$oldest_java-jre-headless," >&2
  echo "or set JAVA_HOME to where it is." >&2
  exit 1
}

find_java

{
  read -r libraries_digest
  read -r class_path
} <"$here/lib/class-path"
class_path=$here/lib/${class_path//:/:$here/lib/}

# The start-up cache serves only a JVM that runs with the object headers it was made with.
jvm_options=(
  -Xmx256m
  -XX:+UseCompactObjectHeaders
  -XX:+ExitOnOutOfMemoryError
  -XX:-UsePerfData
  --enable-native-access=ALL-UNNAMED
  "-Dchancery.distribution=$here"
)
server_options=(-XX:+UseG1GC)
# Who runs a command sees what it prints, and warnings; the server keeps a log.
command_options=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dchancery.log.level=WARN)

# Another build or another JVM never meets this build's cache: both are in the name.
cache_name=chancery-$libraries_digest-${java_version//[^A-Za-z0-9.]/_}.aot
cache_folders=("$here/cache")
if [ -n "${XDG_CACHE_HOME:-}" ]; then
  cache_folders+=("$XDG_CACHE_HOME/chancery")
elif [ -n "${HOME:-}" ]; then
  cache_folders+=("$HOME/.cache/chancery")
fi
