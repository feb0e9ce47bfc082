#!/bin/sh
# train.sh DIST: makes the AOT caches (JEP 514) of a distribution by running each of its commands once. Needs no root and
# touches no engine of the user's: all state is in a directory of its own.

set -u
dist=$1
work=$(mktemp -d) || exit 1
engine=
cleanup() {
    [ -z "$engine" ] || kill "$engine" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
status=0

unset KIST_ROOT KIST_RUN_DIR KIST_HOST
KIST_CONFIG=$work/config.json
export KIST_CONFIG
printf '{}\n' >"$KIST_CONFIG"

# trained CACHE: whether a usable cache came out
trained() {
    if [ -s "$1" ]; then
        chmod 0644 "$1"
    else
        echo "no cache $1 was made"
        rm -f "$1"
        status=1
    fi
}

echo "training $dist/lib/cli.aot"
KIST_TRAIN=$dist/lib/cli.aot "$dist/bin/kist" --root="$work/root" --run-dir="$work/run" env
trained "$dist/lib/cli.aot"

echo "training $dist/lib/engine.aot"
KIST_TRAIN=$dist/lib/engine.aot "$dist/bin/kist" --root="$work/root" --run-dir="$work/run" engine &
engine=$!
tries=0
until "$dist/bin/kist" --host "unix://$work/run/docker.sock" version; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$engine" 2>/dev/null; then
        break
    fi
    sleep 0.1
done
for command in version info ps "ps -a" images "inspect nothing" "run --rm --network none nothing true"; do
    # shellcheck disable=SC2086 # words are meant
    "$dist/bin/kist" --host "unix://$work/run/docker.sock" $command
done
kill -TERM "$engine" 2>/dev/null
wait "$engine"
engine=
trained "$dist/lib/engine.aot"

exit "$status"
