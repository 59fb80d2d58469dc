#!/usr/bin/env bash
# Compiles our own crates so that libFuzzer sees which code its input reaches. Cargo calls it for each crate of the
# workspace instead of rustc (RUSTC_WORKSPACE_WRAPPER) and gives it rustc's path and arguments.
set -euo pipefail

# Build scripts have no fuzzer to call.
case " $* " in
    *' --crate-name build_script_'*) exec "$@" ;;
esac
exec "$@" -Cdebug-assertions=on -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
