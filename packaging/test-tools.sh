#!/bin/sh
# Installs through apt what the tests need beside the build's own tools: clients and peers to run, and root file systems.

set -eu
missing=
# need COMMAND PACKAGE: notes the package if the command is not there
need() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need gcc gcc
need make make
need busybox busybox-static
need mmdebstrap mmdebstrap
need ip iproute2
need nft nftables
need curl curl
need python3 python3
need pgrep procps
need script bsdutils
need mkfs.ext4 e2fsprogs
need runc runc
need dockerd docker.io
need docker-registry docker-registry
need skopeo skopeo
need umoci umoci
need buildah buildah
need podman podman
need docker-compose docker-compose
[ -e /usr/lib/python3/dist-packages/docker/__init__.py ] || missing="$missing python3-docker"
need htpasswd apache2-utils
need openssl openssl
[ -e /usr/share/doc/libc6-dev ] || missing="$missing libc6-dev"
# a docker command of any kind will do; newer Debians have it in a package of its own
if ! command -v docker >/dev/null 2>&1; then
    case $missing in
        *docker.io*) apt-cache show docker-cli >/dev/null 2>&1 && missing="$missing docker-cli" ;;
        *) missing="$missing docker.io" ;;
    esac
fi
[ -n "$missing" ] || exit 0
echo "installing what the tests need:$missing"
export DEBIAN_FRONTEND=noninteractive
# a package that starts its service would put a dockerd of its own beside the tests
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made=yes
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
trap 'exit 130' INT TERM HUP
apt-get update -qq || true
# shellcheck disable=SC2086 # words are meant
if ! apt-get install -y -qq --no-install-recommends $missing; then
    echo "could not install:$missing; the tests need them" >&2
    exit 1
fi
