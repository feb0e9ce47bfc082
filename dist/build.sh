#!/bin/sh
# Builds the distribution in build/dist: the keeper and the jars with Maven and then, by the first run of the command,
# the AOT caches that make it quick to start. Everything is made aside and put in place at the end, so that a build that
# fails or is killed leaves what was there. Takes JAVA_HOME, which must be a JDK 25 (the launcher finds one), and
# KIST_MVN_FLAGS.

set -u
say() { printf 'kist: %s\n' "$1" >&2; }
die() {
    say "$1"
    exit 1
}

cd "$(dirname "$0")/.." || exit 1
top=$PWD
dist=$top/build/dist
new=$top/build/dist.new
log=$top/build/build.log

[ -x "${JAVA_HOME:-}/bin/javac" ] || die "JAVA_HOME must name a JDK 25 to build with; './kist' and 'make' find one by themselves"
command -v mvn >/dev/null || die "Maven is missing, which builds Kist; install it (Debian: apt-get install maven)"
for tool in gcc make; do
    command -v "$tool" >/dev/null ||
        die "$tool is missing, which builds Kist's keeper; install it (Debian: apt-get install gcc make libc6-dev)"
done
mkdir -p "$top/build" || die "cannot write to $top/build"

# One builder at a time; whoever waited for another finds its work done
asked=$(mktemp "$top/build/asked.XXXXXX") || exit 1
trap 'rm -f "$asked"' EXIT
trap 'exit 130' INT TERM HUP
exec 9>"$top/build/lock"
if ! flock -n 9; then
    say "waiting for another build of this tree"
    flock 9
    [ "$dist" -nt "$asked" ] && exit 0
fi

say "building what is not built yet (the first time takes a minute or two; log in build/build.log)"
rm -rf "$new"
mkdir -p "$new/bin" "$new/lib" || exit 1
touch "$new/.built" # as old as the beginning: what is edited meanwhile is newer
: >"$log"

failed() {
    tail -n 25 "$log" >&2
    die "$1; the whole log is in $log"
}

# Maven names each module as it comes to it
mvn -B ${KIST_MVN_FLAGS:-} -Dmaven.test.skip=true -pl dist -am package 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in
        "[INFO] Building "*"["*/*"]")
            module=${line#"[INFO] Building "}
            step=${line##*"["}
            say "  module ${module%% *} (${step%"]"})"
            ;;
    esac
done
grep -q '^\[INFO\] BUILD SUCCESS' "$log" || failed "the build failed"
# the kernel module's build compiles the keeper
cp kernel/target/kist-keeper "$new/lib/" || exit 1

# jars DIRECTORY MODULE: exactly the jars that a command's module requires, directly or through others. Fewer are quicker
# to look through at start, and no command sees a service of another.
jars() {
    mkdir -p "$new/lib/$1"
    "$JAVA_HOME/bin/java" -p "$top/dist/target/jars" --show-module-resolution --dry-run -m "$2/$2.Main" 2>>"$log" |
        awk -v root="$2" '
            $1 == "root" && $2 == root { jar[root] = $3 }
            $2 == "requires" && $4 ~ /^file:/ { jar[$3] = $4; needs[$1] = needs[$1] " " $3 }
            END {
                todo[n = 1] = root
                for (i = 1; i <= n; i++) {
                    if (todo[i] in seen) continue
                    seen[todo[i]] = 1
                    sub(/.*\//, "", jar[todo[i]])
                    print jar[todo[i]]
                    count = split(needs[todo[i]], more, " ")
                    for (j = 1; j <= count; j++) todo[++n] = more[j]
                }
            }' | while IFS= read -r jar; do
        cp "$top/dist/target/jars/$jar" "$new/lib/$1/"
    done
    set -- "$new/lib/$1"/*.jar
    [ -f "$1" ] || failed "the modules of a command could not be resolved"
}
jars cli kist.cli
jars engine kist.daemon
jars oci kist.oci

"$JAVA_HOME/bin/java" --enable-native-access=kist.kernel -p "$new/lib/engine" -m kist.image/kist.image.HelloImage \
    "$new/lib/kist-keeper" "$new/lib/hello.tar" >>"$log" 2>&1 || failed "the image hello could not be made"

cp -P kist kist-oci "$new/bin/" || exit 1
cp LICENSE "$new/" || exit 1
cp -R packaging "$new/" || exit 1

cp dist/train.sh "$new/lib/" || exit 1

rm -rf "$dist.old"
[ ! -e "$dist" ] || mv "$dist" "$dist.old" || exit 1
mv "$new" "$dist" || exit 1
rm -rf "$dist.old"
# the first command in a new place makes the AOT caches
KIST_JAVA_HOME=$JAVA_HOME "$dist/bin/kist" --version >>"$log" || failed "the command that was built does not run"
say "built in build/dist"
