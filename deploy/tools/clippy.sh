#!/usr/bin/env bash
# Lints our own crates on the others as the build has compiled them; `cargo clippy` would check that whole tree once
# more. Cargo calls it for each crate of the workspace instead of rustc (RUSTC_WORKSPACE_WRAPPER) and gives it rustc's
# path and arguments. Nothing is compiled to code, so nothing made here can be run by mistake.
set -euo pipefail

# Build scripts are programs that cargo runs.
case " $* " in
    *' --crate-name build_script_'*) exec clippy-driver "$@" ;;
esac

# What cargo asks to link is only read here, as `cargo check` does it: metadata are made, and of our own crates, which
# have no code, metadata are taken.
arguments=()
for argument in "$@"; do
    case $argument in
        --emit=*) argument=${argument/,link/} argument=${argument/dep-info*/dep-info,metadata} ;;
        *=*.rlib) [ -e "${argument#*=}" ] || argument=${argument%.rlib}.rmeta ;;
    esac
    arguments+=("$argument")
done
exec clippy-driver "${arguments[@]}" -D warnings
