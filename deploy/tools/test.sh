#!/usr/bin/env bash
# Runs every check of the project, one timed step after another, and sums what the test runners counted into
# one last line, `N passed, N failed`. A step that fails fails the run; the steps after it still run, so that
# one run shows everything that is wrong.
#
#   test.sh         everything
#   test.sh lint    format, lints and rules, without the tests
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tools=deploy/tools
export SAFELIGHT_CACHE=${SAFELIGHT_CACHE:-$PWD/.cache}
# The machine's own Python, Node and Go stay in front of nothing: the pinned ones decide.
export PATH=$SAFELIGHT_CACHE/venv/bin:$SAFELIGHT_CACHE/bin:$PATH
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} NO_UPDATE_NOTIFIER=1

logs=$(mktemp -d)
trap '[ -z "${running:-}" ] || kill "$running"; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0
summary=()

# Sums the closing lines of cargo test and of node's test runner in a log: "passed failed".
count() {
    awk '
        /^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") p += $(i - 1)
                if ($i == "failed;") f += $(i - 1)
            }
        }
        ($1 == "#" || $1 == "ℹ") && $2 == "pass" && $3 ~ /^[0-9]+$/ { p += $3 }
        ($1 == "#" || $1 == "ℹ") && $2 == "fail" && $3 ~ /^[0-9]+$/ { f += $3 }
        END { print p + 0, f + 0 }
    ' "$1"
}

# Runs one step, in CI within a bound. Its output goes to a file and is shown from there, not through a pipe:
# a process that a test left behind would keep a pipe open and this script waiting.
running=
execute() {
    local log=$1 limit=0
    shift
    [ "${CI:-}" != true ] || limit=45m
    : >"$log"
    timeout --kill-after=30s "$limit" "$@" >>"$log" 2>&1 </dev/null &
    running=$!
    tail -n +1 -s 0.2 -f --pid="$running" "$log"
    local status=0
    wait "$running" || status=$?
    running=
    return "$status"
}

# step NAME COMMAND...: a check that passes or fails as a whole.
# suite NAME COMMAND...: a runner that counts its tests; one that ran none has failed.
step() { record plain "$@"; }
suite() { record counted "$@"; }

record() {
    local kind=$1 name=$2 log=$logs/step started=$SECONDS status=ok p=0 f=0
    shift 2
    printf '\n== %s\n' "$name"
    execute "$log" "$@" || status=FAILED
    if [ "$kind" = counted ]; then
        read -r p f < <(count "$log")
        if [ "$status" = ok ] && [ $((p + f)) -eq 0 ]; then status='FAILED (no test ran)'; fi
        if [ "$f" -gt 0 ]; then status=FAILED; fi
    fi
    # A step that failed without a failing test, a lint or a build, counts as one.
    if [ "$status" != ok ] && [ "$f" -eq 0 ]; then f=1; fi
    passed=$((passed + p))
    failed=$((failed + f))
    summary+=("$(printf '%5ds  %-6s %s' $((SECONDS - started)) "$status" "$name")")
}


lint() {
    step "shell scripts" bash -c 'for file in deploy/tools/*.sh .ci/run; do bash -n "$file" || exit 1; done'
    step "rustfmt" cargo fmt --all --check
    step "Kafka words: buf lint" buf lint proto
    step "Dockerfile: hadolint" hadolint deploy/Dockerfile
    step "docker-compose.yml: schema" check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
    step "alerts: promtool check" promtool check config deploy/prometheus/prometheus.yml
    step "alerts: promtool test" promtool test rules deploy/prometheus/rules_test.yml
    step "licences, bans, sources: cargo-deny" cargo-deny --locked check --hide-inclusion-graph bans licenses sources
    # All targets at once: tests and binaries then share one set of features, and nothing is compiled twice.
    step "build" cargo build --release --locked --workspace --all-targets
    step "clippy" env RUSTC_WORKSPACE_WRAPPER="$PWD/$tools/clippy.sh" \
        cargo build --release --locked --workspace --all-targets
}

web() {
    step "page: npm ci" npm --prefix web ci --no-audit --no-fund
    step "page: types" npm --prefix web run --silent check
    suite "page: unit tests" npm --prefix web test --silent
    step "page: built output matches the sources" npm --prefix web run --silent verify
}

servers() {
    local fetch
    for fetch in "$tools"/fetch-*.sh; do
        step "server: $(basename "$fetch" .sh)" "$fetch"
    done
}

rust() {
    suite "cargo test" cargo test --release --locked --workspace --no-fail-fast
    step "fuzz: every decoder path and the recipe parser" "$tools/fuzz.sh" --ours 4
    suite "page: in a real browser" "$tools/browser-test.sh"
}

case ${1:-all} in
    lint) lint ;;
    all) lint; web; servers; rust ;;
    *) echo "usage: test.sh [lint]" >&2; exit 2 ;;
esac

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%5ds  in all\n' "$SECONDS"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
