#!/usr/bin/env bash
# Builds the container image as an OCI layout, without a container engine and without root: a Java runtime of the
# modules that are needed (jlink), the distribution, and of Debian what a PKCS #11 module needs. No package manager.
#
# Usage: scripts/build-image.sh [FOLDER]      (default: deploy/target/image)
#
# FOLDER becomes an OCI image layout with the tags VERSION and latest. From there, for example:
#     skopeo copy oci:deploy/target/image:latest docker://registry.example.internal/chancery:VERSION
# It needs a JDK, Maven, apt-get with package lists of Debian, and umoci. CHANCERY_DISTRIBUTION names a distribution that
# is built already; then nothing is built.
set -euo pipefail
umask 022

root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
# shellcheck source=build/prerequisites.sh
. "$root/scripts/build/prerequisites.sh"

# libc and what vendor modules are linked with; SoftHSM2 and p11-kit's client for the two kinds of tokens that need no
# vendor; a shell and a dozen commands, static, for init containers and for whoever has to look inside.
readonly packages=(libc6 libgcc-s1 libstdc++6 libssl3 zlib1g libsofthsm2 p11-kit-modules libp11-kit0 libffi8
  busybox-static)
readonly commands=(sh cat cp id ls mkdir mv rm sleep)
# Found by jdeps, without what no part in use asks for (H2's console, compilers for triggers); besides, for good:
# cryptoki for the token, unsupported and management for what is asked by reflection, jfr to look into a live one.
readonly modules=java.base,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.cryptoki,jdk.jcmd,jdk.jfr,jdk.management,jdk.net,jdk.unsupported
# Nobody's on any host, and a number, so that Kubernetes can see that it is not root's.
readonly user=65532

[ $# -le 1 ] || fail "takes a folder and nothing else"
layout=$(realpath -m "${1:-$root/deploy/target/image}")
[ ! -e "$layout" ] || [ -e "$layout/oci-layout" ] || fail "not an image layout, so not replaced: $layout"

require_jdk
install_missing umoci=umoci

distribution=${CHANCERY_DISTRIBUTION:-}
if [ -z "$distribution" ]; then
  require_maven
  (cd "$root" && mvn -q -B -ntp -Dmaven.test.skip=true -Dformat.skip -pl ca-server -am package) >&2
  distribution=$(echo "$root"/ca-server/target/chancery-*/)
fi
distribution=$(cd "$distribution" && pwd)
version=${distribution##*/chancery-}

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
files=$work/rootfs

# 1. Debian's packages: unpacked, not installed, so that no script of theirs runs.
mkdir -p "$work/packages" "$files"
get_packages() {
  (cd "$work/packages" && apt-get -o APT::Sandbox::User= download -q "${packages[@]}") >&2
}
# A machine that was never updated knows no package.
get_packages || { [ "$(id -u)" = 0 ] && apt-get update -q >&2 && get_packages; } ||
  fail "cannot get ${packages[*]}; first: apt-get update"
for package in "$work"/packages/*.deb; do
  dpkg-deb -x "$package" "$work/debian"
done
# Of each package its library files and its licence; no character sets but those that are built in.
rm -rf "$work"/debian/usr/lib/*/gconv "$work"/debian/usr/lib/*/{audit,perl5} "$work"/debian/usr/share/{man,locale,lintian,bug,bash-completion}
find "$work/debian/usr/share/doc" -type f ! -name copyright -delete
cp -a "$work/debian/." "$files"
# One tree under /usr, as Debian has it, with links where the dynamic linker is looked for.
for folder in bin lib lib64; do
  if [ -d "$files/$folder" ] && [ ! -L "$files/$folder" ]; then
    mkdir -p "$files/usr/$folder"
    cp -a "$files/$folder/." "$files/usr/$folder"
    rm -rf "${files:?}/$folder"
  fi
  mkdir -p "$files/usr/$folder"
  ln -s "usr/$folder" "$files/$folder"
done
for command in "${commands[@]}"; do
  ln -s busybox "$files/usr/bin/$command"
done

# 2. The Java runtime.
for jdk in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
  if [ -n "$jdk" ] && is_jdk "$jdk"; then
    break
  fi
done
mkdir -p "$files/opt"
"$jdk/bin/jlink" --add-modules "$modules" --strip-debug --no-man-pages --no-header-files --compress zip-9 \
  --output "$files/opt/java"

# 3. The distribution's libraries, and a launcher with the options that bin/chancery takes.
mkdir -p "$files/opt/chancery/bin"
cp -R "$distribution/lib" "$distribution/config" "$distribution/LICENSE" "$files/opt/chancery"
(
  here=/opt/chancery
  JAVA_HOME=$files/opt/java
  # shellcheck source=/dev/null
  . <(sed "s|\"\$here/lib/class-path\"|\"$distribution/lib/class-path\"|" "$distribution/bin/java.sh")
  for kind in server command; do
    declare -n options=${kind}_options
    printf '%s\n' "${jvm_options[@]}" "${options[@]}" -cp "$class_path" dev.chancery.server.Main \
      >"$files/opt/chancery/bin/$kind.options"
  done
)
install -m 0755 "$root/deploy/image/chancery" "$files/opt/chancery/bin/chancery"
ln -s ../../opt/chancery/bin/chancery "$files/usr/bin/chancery"
# Where a container engine mounts what is its own.
mkdir -p "$files"/{etc,tmp,proc,dev,sys,run,var/lib/chancery}
chmod 1777 "$files/tmp"
printf 'root:x:0:0::/:/bin/sh\nchancery:x:%s:%s::/var/lib/chancery:/bin/sh\n' $user $user >"$files/etc/passwd"
printf 'root:x:0:\nchancery:x:%s:\n' $user >"$files/etc/group"
echo 'hosts: files dns' >"$files/etc/nsswitch.conf"

# 4. The layout: one layer, the same for the same contents.
epoch=$(date -d 2026-01-01T00:00:00Z +%s)
tar --create --file "$work/layer.tar" --directory "$files" --sort=name --mtime="@$epoch" --owner=0 --group=0 \
  --numeric-owner --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
rm -rf "$layout"
mkdir -p "${layout%/*}"
{
  umoci init --layout "$layout"
  umoci new --image "$layout:$version"
  umoci raw add-layer --image "$layout:$version" --history.created_by scripts/build-image.sh \
    --history.created 2026-01-01T00:00:00Z "$work/layer.tar"
  umoci config --image "$layout:$version" --created 2026-01-01T00:00:00Z --config.user "$user:$user" \
    --config.workingdir /var/lib/chancery --config.entrypoint /opt/chancery/bin/chancery \
    --config.cmd serve --config.cmd --home --config.cmd /var/lib/chancery/home \
    --config.env PATH=/usr/bin --config.env JAVA_HOME=/opt/java --config.env CHANCERY_HOME=/var/lib/chancery/home \
    --config.exposedports 8080/tcp --config.exposedports 8443/tcp --config.exposedports 8081/tcp \
    --config.label "org.opencontainers.image.title=Chancery" \
    --config.label "org.opencontainers.image.version=$version" \
    --config.label "org.opencontainers.image.licenses=Apache-2.0" \
    --history.created 2026-01-01T00:00:00Z --history.created_by scripts/build-image.sh
  umoci tag --image "$layout:$version" latest
  umoci gc --layout "$layout"
} >&2
echo "image: $layout:$version, $(du -sm --apparent-size "$files" | cut -f1) MB unpacked, $(du -sm --apparent-size "$layout" | cut -f1) MB as it is"
