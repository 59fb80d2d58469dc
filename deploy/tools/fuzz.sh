#!/usr/bin/env bash
# Fuzzes what reads foreign bytes, guided by coverage, and fails when one of the targets crashes. Prints how many
# inputs each of them has executed. The targets are those of tests/fuzz. Everything is built with stable Rust and gcc:
# libFuzzer comes with its crate, the Rust code is instrumented by rustc, libjpeg-turbo and libwebp by gcc.
#
#   fuzz.sh SECONDS [TARGET...]          so many seconds for each target; all of them unless some are named
#   fuzz.sh --ours SECONDS [TARGET...]   the same, but only our own crates are instrumented: nothing that `cargo build
#                                        --workspace` has compiled is compiled again
#
# What the fuzzer learns stays in the cache and is where the next run begins. An input that crashes a target stays in
# the cache too, and its path is printed: the target's binary takes it as its argument to show the crash again.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scope=all
if [ "${1:-}" = --ours ]; then scope=ours; shift; fi
seconds=${1:?usage: fuzz.sh [--ours] SECONDS [TARGET...]}
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then targets=(jpeg png gif webp render recipe); fi
export SAFELIGHT_CACHE=${SAFELIGHT_CACHE:-$PWD/.cache}
learned=$SAFELIGHT_CACHE/fuzz
folder=${CARGO_TARGET_DIR:-$PWD/target}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir -p "$learned"

# The whole workspace is named so that the crates of others have the features they have in its build.
build_ours() {
    built=$folder/release
    RUSTC_WORKSPACE_WRAPPER=$PWD/deploy/tools/instrument.sh \
        cargo build --release --locked --workspace "${targets[@]/#/--bin=}"
}

# A tree of its own. --target keeps the flags away from build scripts. cmake links small programs to see whether the
# compiler works: they too need somebody to call. What is fuzzed runs fast enough in this profile.
build_all() {
    local build=$folder/fuzz host
    host=$(rustc -vV | sed -n 's/^host: //p')
    built=$build/$host/release
    mkdir -p "$build"
    local coverage=$build/coverage.o
    gcc -O2 -c tests/fuzz/coverage.c -o "$coverage"
    local flags=(
        --cfg fuzzing
        -Cdebug-assertions=on
        -Cpasses=sancov-module
        -Cllvm-args=-sanitizer-coverage-level=4
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
        -Cllvm-args=-sanitizer-coverage-pc-table
        -Cllvm-args=-sanitizer-coverage-trace-compares
        -Clink-arg=-Wl,--wrap=__sanitizer_cov_trace_pc
        -Clink-arg="$coverage"
    )
    RUSTFLAGS="${flags[*]}" CFLAGS="-fsanitize-coverage=trace-pc" \
        LDFLAGS="-Wl,--wrap=__sanitizer_cov_trace_pc $coverage" \
        cargo build --release --locked -p fuzz "${targets[@]/#/--bin=}" --target "$host" --target-dir "$build"
}
"build_$scope"

seeds=$logs/seeds
"$SAFELIGHT_CACHE/venv/bin/python" -B crates/darkroom/tests/judges/seeds.py "$seeds"
mkdir -p "$seeds/render" "$seeds/recipe"
# The last bytes of this target's input are a plan: one rendition of 64 << 1 pixels at quality 80.
for seed in "$seeds"/{jpeg,png,gif,webp}/*; do
    { cat "$seed"; printf '\x40\x01\x50\x01'; } >"$seeds/render/${seed##*/}"
done
find proto/recipes -name '*.toml' -exec cp {} "$seeds/recipe" \;

# One target: so many seconds from the seeds and what earlier runs have learned.
fuzz() {
    local target=$1 corpus=$learned/corpus/$1
    mkdir -p "$corpus" "$learned/crashes"
    "$built/$target" -seed=1 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 \
        -print_final_stats=1 -artifact_prefix="$learned/crashes/$target-" "$corpus" "$seeds/$target" \
        >"$logs/$target" 2>&1
}

# Two at a time is what the smallest of machines can do.
failed=0
running=()
settle() {
    local target=${running[0]%%:*} status=0
    wait "${running[0]##*:}" || status=$?
    running=("${running[@]:1}")
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
    known=$(grep -oE 'cov: [0-9]+' "$logs/$target" | tail -n1 || true)
    printf 'fuzz %-7s %9s executions, %s\n' "$target" "${executed:-no}" "${known:-no coverage}"
    if [ "$status" -ne 0 ] || [ "${executed:-0}" -eq 0 ] || [ -z "$known" ]; then
        failed=1
        tail -n 40 "$logs/$target"
    fi
}
for target in "${targets[@]}"; do
    if [ ${#running[@]} -ge 2 ]; then settle; fi
    fuzz "$target" &
    running+=("$target:$!")
done
while [ ${#running[@]} -gt 0 ]; do settle; done
exit "$failed"
