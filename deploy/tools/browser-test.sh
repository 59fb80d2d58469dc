#!/usr/bin/env bash
# Runs the page's browser tests against a stack of their own: a fresh folder, free ports, gone afterwards.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
safelight=${CARGO_TARGET_DIR:-target}/release/safelight
folder=$(mktemp -d)
stack=

# The stack drains on SIGTERM and takes its broker along.
stop() {
    if [ -n "$stack" ]; then
        kill "$stack" 2>/dev/null || true
        wait "$stack" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

"$safelight" up --http 127.0.0.1:0 --admin 127.0.0.1:0 --data "$folder/data" >"$folder/ready" 2>"$folder/log" &
stack=$!

deadline=$((SECONDS + 90))
until grep -q '"ready":true' "$folder/ready"; do
    if ! kill -0 "$stack" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
        echo "browser-test: the stack did not become ready; its last lines:" >&2
        tail -n 20 "$folder/log" >&2
        exit 1
    fi
    sleep 0.1
done

url=$(node -e 'const at = JSON.parse(require("fs").readFileSync(0, "utf8").split("\n")[0]).http;
    console.log(at.startsWith("http") ? at : `http://${at}`)' <"$folder/ready")
SAFELIGHT_TOKEN=$("$safelight" token --data "$folder/data")
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
export SAFELIGHT_URL=$url SAFELIGHT_TOKEN CHROMIUM
if ! npm --prefix web run --silent test:browser; then
    echo "browser-test: the stack's last lines:" >&2
    tail -n 40 "$folder/log" >&2
    exit 1
fi
