#!/bin/sh
# Installs the built distribution below PREFIX (default /usr/local), with DESTDIR before it for package builders:
# PREFIX/lib/kist, links in PREFIX/bin, completions for shells in PREFIX/share, and the systemd unit. 'install.sh --remove' takes it away and leaves all state.

set -eu
prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
# as install(1) of a distribution: lies in its packaging directory; in a source tree it takes build/dist
here=$(cd "$(dirname "$0")/.." && pwd)
[ -f "$here/pom.xml" ] && here=$here/build/dist

share=$dest$prefix/share
bash=$share/bash-completion/completions/kist
zsh=$share/zsh/site-functions/_kist
fish=$share/fish/vendor_completions.d/kist.fish

if [ "${1:-}" = --remove ]; then
    rm -f "$bash" "$zsh" "$fish"
    rm -f "$dest$prefix/bin/kist" "$dest$prefix/bin/kist-oci" "$dest/etc/systemd/system/kist.service"
    rm -rf "$dest$prefix/lib/kist"
    exit 0
fi
if [ ! -x "$here/bin/kist" ]; then
    echo "install.sh: there is no distribution in $here; run 'make' first" >&2
    exit 1
fi
mkdir -p "$dest$prefix/lib" "$dest$prefix/bin" "$dest/etc/systemd/system"
rm -rf "$dest$prefix/lib/kist.new"
cp -R "$here" "$dest$prefix/lib/kist.new"
rm -rf "$dest$prefix/lib/kist"
mv "$dest$prefix/lib/kist.new" "$dest$prefix/lib/kist"
ln -sfn ../lib/kist/bin/kist "$dest$prefix/bin/kist"
ln -sfn ../lib/kist/bin/kist-oci "$dest$prefix/bin/kist-oci"
sed "s|@PREFIX@|$prefix|" "$here/packaging/kist.service" >"$dest/etc/systemd/system/kist.service"
for shell in bash zsh fish; do
    eval "file=\$$shell"
    mkdir -p "${file%/*}"
    # shellcheck disable=SC2154 # set by eval
    "$here/bin/kist" completion "$shell" >"$file.new" && mv "$file.new" "$file"
done
# the caches that make it quick to start belong to a place: the first command in the new one makes them
if [ -z "$dest" ]; then
    "$prefix/bin/kist" --version
fi
