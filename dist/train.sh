#!/bin/sh
# train.sh DIST STAMP: makes the AOT caches (JEP 514) of a distribution by running each of its commands once, and notes
# in lib/trained for which place and JDK they are. The launcher calls this when they are missing. Needs no root and touches
# no engine of the user's: all state is in a directory of its own. A command that cannot be trained goes without.

set -u
dist=$1
stamp=$2
lib=$dist/lib

[ -w "$lib" ] || exit 1
exec 8>"$lib/train.lock" || exit 1
# somebody else is at it: this command goes without
flock -n 8 || exit 1
trained=
[ -r "$lib/trained" ] && read -r trained <"$lib/trained"
[ "$trained" = "$stamp" ] && exit 0
echo "kist: preparing for quick starts (once; log in $lib/train.log)" >&2
exec >"$lib/train.log" 2>&1

work=$(mktemp -d) || exit 1
engine=
cleanup() {
    [ -z "$engine" ] || kill "$engine" 2>/dev/null
    rm -rf "$work" "$lib"/*.aot.new "$lib"/*.aot.new.config
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

unset KIST_ROOT KIST_RUN_DIR KIST_HOST
KIST_CONFIG=$work/config.json
export KIST_CONFIG
printf '{}\n' >"$KIST_CONFIG"

# kist CACHE ARGUMENT...: runs a command that records for a cache, or for "none"
kist() {
    recorded=$1
    shift
    KIST_TRAIN=$recorded "$dist/bin/kist" --root="$work/root" --run-dir="$work/run" "$@" 8>&-
}

# keep NAME: puts a cache in place if one came out
keep() {
    if [ -s "$lib/$1.aot.new" ]; then
        chmod 0644 "$lib/$1.aot.new" && mv "$lib/$1.aot.new" "$lib/$1.aot"
    else
        echo "no cache was made for $1"
    fi
}

rm -f "$lib"/*.aot "$lib/trained"
echo "== cli"
kist "$lib/cli.aot.new" env
keep cli

echo "== engine"
# In namespaces of its own the engine leaves nothing behind: no bridge, no rules, no keeper
if [ "$(id -u)" = 0 ]; then
    set -- unshare --net --mount --pid --fork --kill-child --mount-proc
else
    set --
fi
KIST_TRAIN=$lib/engine.aot.new "$@" "$dist/bin/kist" --root="$work/root" --run-dir="$work/run" engine 8>&- &
engine=$!
tries=0
until kist none system status; do
    tries=$((tries + 1))
    [ "$tries" -le 50 ] && kill -0 "$engine" 2>/dev/null || break
    sleep 0.1
done
if kill -0 "$engine" 2>/dev/null; then
    for command in "history hello" "tag hello t:1" "save -o $work/t.tar t:1" "load -i $work/t.tar" "system df" "rmi t:1" version info "run --rm --network none hello" "run --rm --memory 64m hello" "run -d --name xx hello" \
        "wait xx" "logs xx" "inspect xx" "ps -a" images "rm xx" "inspect nothing" "run --rm --wrong" "exec nothing true"; do
        # shellcheck disable=SC2086 # words are meant
        kist none $command </dev/null
    done
    # often enough for the profiles in the cache to be of use to the compilers
    for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        kist none run --rm --network none hello </dev/null >/dev/null
        kist none run -d --name "t$round" hello >/dev/null
        kist none wait "t$round" >/dev/null
        kist none rm "t$round" >/dev/null
    done
    # the engine itself, where unshare stands before it: its end is the end of all in there
    inside=$engine
    [ "$#" = 0 ] || read -r inside _ <"/proc/$engine/task/$engine/children"
    kill -TERM "$inside"
fi
wait "$engine"
engine=
keep engine

printf '%s\n' "$stamp" >"$lib/trained.new" && mv "$lib/trained.new" "$lib/trained"
