#!/bin/sh
# Fetches Apache Kafka's jars from Maven Central into the cache, once: the local stack's broker wherever
# Java 17 is, and the broker of the end-to-end tests.
set -eu

version=4.3.0
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SAFELIGHT_CACHE:-$tools/../../.cache}
target=$cache/kafka-$version

# The mark is written last, so that a fetch cut short is begun again.
if [ -f "$target/.complete" ] && [ "$(cat "$target/.complete")" = "$version" ]; then
    exit 0
fi
command -v mvn >/dev/null || { echo "fetch-kafka: Maven is missing (apt-get install maven)" >&2; exit 1; }

echo "fetching Apache Kafka $version (54 MB)" >&2
mkdir -p "$cache"
partial=$(mktemp -d "$cache/kafka.XXXXXX")
trap 'rm -rf "$partial"' EXIT
mvn -q -B -Dstyle.color=never -f "$tools/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$partial" >&2
[ -f "$partial/kafka_2.13-$version.jar" ] || { echo "fetch-kafka: kafka_2.13-$version.jar did not arrive" >&2; exit 1; }
printf '%s\n' "$version" >"$partial/.complete"
chmod 755 "$partial"
rm -rf "$target"
mv "$partial" "$target"
