#!/bin/sh
# Compiles the Java consumer of the end-to-end tests and fetches what it stands on from Maven Central into the
# cache, once for each change of its sources: the tests only run it.
set -eu

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sources=$tools/../../tests/consumers/java
cache=${SAFELIGHT_CACHE:-$tools/../../.cache}
target=$cache/java-consumer
stamp=$(cat "$sources/pom.xml" "$sources/src/main/java/Consume.java" | sha256sum | cut -d' ' -f1)

# The mark is written last, so that a build cut short is begun again.
if [ -f "$target/.complete" ] && [ "$(cat "$target/.complete")" = "$stamp" ]; then
    exit 0
fi
command -v mvn >/dev/null || { echo "fetch-java-consumer: Maven is missing (apt-get install maven)" >&2; exit 1; }

echo "building the Java consumer (53 MB of jars)" >&2
mkdir -p "$cache"
partial=$(mktemp -d "$cache/java-consumer.XXXXXX")
trap 'rm -rf "$partial"' EXIT
mvn -q -B -Dstyle.color=never -f "$sources/pom.xml" dependency:copy-dependencies -DoutputDirectory="$partial" >&2
# The compiler itself rather than Maven's plugin: nothing is written beside the sources.
javac --release 17 -d "$partial" -cp "$partial/*" "$sources/src/main/java/Consume.java"
printf '%s\n' "$stamp" >"$partial/.complete"
chmod 755 "$partial"
rm -rf "$target"
mv "$partial" "$target"
