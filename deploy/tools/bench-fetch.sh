#!/usr/bin/env bash
# Installs what `make bench` measures beside our own into the cache, once: sharp and ipx (npm), libvips, Pillow,
# pillow-simd and thumbor (PyPI), and makes the originals from the photos of Debian's lomiri-wallpapers packages,
# which carry their licences. ImageMagick is the machine's. Versions are pinned, downloads are checked.
#
# pillow-simd is compiled here, with AVX2 as its authors advise; where that fails it is left out, and said so.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=$(cd "$tools/../../tests/bench/peers" && pwd)
mkdir -p "${SAFELIGHT_CACHE:-$tools/../../.cache}/bench"
bench=$(cd "${SAFELIGHT_CACHE:-$tools/../../.cache}/bench" && pwd)

say() { printf 'bench-fetch: %s\n' "$*" >&2; }

# Whether a part was finished from the same words. The mark is written last: half a part is begun again.
is_done() { [ "$(cat "$bench/$1/.complete" 2>/dev/null)" = "$2" ]; }
finish() { printf '%s\n' "$2" >"$bench/$1/.complete"; }
stamp() { cat "$@" | sha256sum | cut -d' ' -f1; }

# environment NAME REQUIREMENTS: a Python environment with pinned and hashed packages.
environment() {
    local name=$1 requirements=$peers/$2 mark
    mark=$(stamp "$requirements")
    if is_done "$name" "$mark"; then return 0; fi
    say "preparing the Python environment $name"
    rm -rf "${bench:?}/$name"
    python3 -m venv "$bench/$name"
    CC="$3" "$bench/$name/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        -r "$requirements" >&2 || return 1
    finish "$name" "$mark"
}

node_packages() {
    local mark
    mark=$(stamp "$peers/package.json" "$peers/package-lock.json")
    if is_done node "$mark"; then return 0; fi
    say "installing sharp and ipx"
    rm -rf "$bench/node"
    mkdir -p "$bench/node"
    cp "$peers/package.json" "$peers/package-lock.json" "$bench/node/"
    npm --prefix "$bench/node" ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2
    finish node "$mark"
}

# The photos of a package, from Debian's or Ubuntu's archive.
photos_of() {
    local package=$1 file
    (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download "$package" >&2) \
        || { say "apt-get cannot download $package: is this Debian or Ubuntu, and apt-get update done?"; exit 1; }
    file=$(echo "$scratch/$package"_*.deb)
    dpkg-deb -x "$file" "$scratch"
}

samples() {
    local mark
    mark=$(stamp "$peers/samples.py" "$peers/samples.sha256")
    if is_done samples "$mark"; then return 0; fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    say "making the originals"
    photos_of lomiri-wallpapers-16.04
    photos_of lomiri-wallpapers-20.04
    rm -rf "$bench/samples"
    mkdir -p "$bench/samples"
    "$bench/py/bin/python" -B "$peers/samples.py" "$scratch/usr/share/backgrounds" "$bench/samples"
    cp "$scratch/usr/share/doc/lomiri-wallpapers-16.04/copyright" "$bench/samples/copyright-16.04"
    cp "$scratch/usr/share/doc/lomiri-wallpapers-20.04/copyright" "$bench/samples/copyright-20.04"
    (cd "$bench/samples" && sha256sum --quiet --check "$peers/samples.sha256") \
        || { say "the originals are not those that the figures were measured on"; exit 1; }
    finish samples "$mark"
}

command -v python3 >/dev/null && command -v npm >/dev/null \
    || { say "python3 and npm are missing: run deploy/tools/install.sh bench"; exit 1; }
environment py requirements.txt cc
node_packages
# The walk over a corpus (`make corpus`) asks Pillow and sharp, and measures nothing.
if [ "${1:-}" = peers ]; then exit 0; fi
environment thumbor requirements-thumbor.txt cc
environment simd requirements-simd.txt "cc -mavx2" \
    || say "pillow-simd could not be compiled (libjpeg and zlib headers, an AVX2 CPU); it is left out"
samples
command -v convert >/dev/null || say "ImageMagick is missing (apt-get install imagemagick); it is left out"
