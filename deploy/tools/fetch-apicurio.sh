#!/bin/sh
# Fetches Apicurio Registry from Maven Central into the cache, once. The tests speak to it as the schema
# registry that is not ours; nothing else needs it.
set -eu

# 3.x wants Java 21.
version=2.6.13
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SAFELIGHT_CACHE:-$tools/../../.cache}
target=$cache/apicurio-$version

# The mark is written last, so that a fetch cut short is begun again.
if [ -f "$target/.complete" ] && [ "$(cat "$target/.complete")" = "$version" ]; then
    exit 0
fi
command -v mvn >/dev/null || { echo "fetch-apicurio: Maven is missing (apt-get install maven)" >&2; exit 1; }

echo "fetching Apicurio Registry $version (142 MB)" >&2
mkdir -p "$cache"
partial=$(mktemp -d "$cache/apicurio.XXXXXX")
trap 'rm -rf "$partial"' EXIT
mvn -q -B -Dstyle.color=never -f "$tools/kafka/pom.xml" dependency:copy \
    -Dartifact="io.apicurio:apicurio-registry-app:$version.Final:tar.gz:all" -DoutputDirectory="$partial" >&2
tar -xzf "$partial/apicurio-registry-app-$version.Final-all.tar.gz" -C "$partial"
rm "$partial/apicurio-registry-app-$version.Final-all.tar.gz"
[ -f "$partial/apicurio-registry-app-$version.Final-runner.jar" ] \
    || { echo "fetch-apicurio: the runner jar did not arrive" >&2; exit 1; }
printf '%s\n' "$version" >"$partial/.complete"
chmod 755 "$partial"
rm -rf "$target"
mv "$partial" "$target"
