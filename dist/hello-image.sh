#!/bin/sh
# hello-image.sh BINARY TAR: makes the image "hello" that ships with Kist, an archive as 'kist load' takes it. Its one file is
# the keeper's binary, which under the name hello prints a greeting; so it costs no further program. The same input makes
# the same bytes.

set -eu
binary=$1
out=$2
case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# pack TAR DIRECTORY NAME...
pack() {
    tar=$1
    directory=$2
    shift 2
    tar --create --file="$tar" --directory="$directory" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
        --numeric-owner --mode=u=rwX,go=rX "$@"
}
sum() {
    set -- $(sha256sum "$1")
    printf '%s' "$1"
}

mkdir "$work/root" "$work/archive"
cp "$binary" "$work/root/hello"
pack "$work/archive/layer.tar" "$work/root" hello
cat >"$work/config" <<CONFIG
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/"],"Cmd":["/hello"]},"rootfs":{"type":"layers","diff_ids":["sha256:$(sum "$work/archive/layer.tar")"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"kist","comment":"ships with Kist"}]}
CONFIG
config=$(sum "$work/config").json
mv "$work/config" "$work/archive/$config"
printf '[{"Config":"%s","RepoTags":["hello:latest"],"Layers":["layer.tar"]}]\n' "$config" >"$work/archive/manifest.json"
pack "$out" "$work/archive" manifest.json "$config" layer.tar
