#!/bin/sh
# Fetches DynamoDB Local's jars from Maven Central into the cache, once. The tests hold our own
# DynamoDB server against it; nothing else needs it.
set -eu

version=2.6.1
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SAFELIGHT_CACHE:-$tools/../../.cache}
target=$cache/dynamodb-local-$version

# The mark is written last, so that a fetch cut short is begun again.
if [ -f "$target/.complete" ] && [ "$(cat "$target/.complete")" = "$version" ]; then
    exit 0
fi
command -v mvn >/dev/null || { echo "fetch-dynamodb-local: Maven is missing (apt-get install maven)" >&2; exit 1; }

echo "fetching DynamoDB Local $version" >&2
mkdir -p "$cache"
partial=$(mktemp -d "$cache/dynamodb-local.XXXXXX")
trap 'rm -rf "$partial"' EXIT
mvn -q -B -f "$tools/dynamodb-local.pom.xml" dependency:copy-dependencies -DoutputDirectory="$partial"
[ -f "$partial/DynamoDBLocal-$version.jar" ] || { echo "fetch-dynamodb-local: DynamoDBLocal-$version.jar did not arrive" >&2; exit 1; }
printf '%s\n' "$version" >"$partial/.complete"
chmod 755 "$partial"
rm -rf "$target"
mv "$partial" "$target"
