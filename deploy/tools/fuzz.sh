#!/usr/bin/env bash
# Fuzzes what reads foreign bytes, guided by coverage, and fails when one of the targets crashes. Prints what each
# of them has executed. Everything is built with stable Rust and gcc: libFuzzer comes with the crate, our code and
# its Rust dependencies are instrumented by rustc, libjpeg-turbo and libwebp by gcc.
#
#   fuzz.sh SECONDS [TARGET...]     so many seconds for each target; all of them unless some are named
#
# What the fuzzer learns stays in the cache and is where the next run begins. A file that crashes a target is left
# in the cache too, with its name in the output; run the target with it as its argument to see the crash again.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:?usage: fuzz.sh SECONDS [TARGET...]}
shift
cache=${SAFELIGHT_CACHE:-$PWD/.cache}/fuzz
build=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
targets=("$@")
[ $# -gt 0 ] || targets=(jpeg png gif webp render)

mkdir -p "$build"
gcc -O2 -c crates/darkroom/fuzz/coverage.c -o "$build/coverage.o"

# --target keeps the flags away from build scripts. cmake links small programs to see whether the compiler works:
# they need the counters as well.
flags=(
    --cfg fuzzing
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Clink-arg="$build/coverage.o"
)
RUSTFLAGS="${flags[*]}" CFLAGS="-fsanitize-coverage=trace-pc" LDFLAGS="$build/coverage.o" \
    cargo build --release --locked --manifest-path crates/darkroom/fuzz/Cargo.toml \
    --target "$host" --target-dir "$build"
