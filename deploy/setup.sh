#!/usr/bin/env bash
# Installs the system packages that are missing, through apt. Usage: setup.sh build|test|page
set -euo pipefail
what=${1:?build, test or page}
packages=()
need() { # need PACKAGE TEST…: the package is missing when the test fails
    local package=$1; shift
    "$@" >/dev/null 2>&1 || packages+=("$package")
}
need cmake command -v cmake
need clang command -v clang
need make command -v make
need g++ command -v g++
need pkg-config command -v pkg-config
need curl command -v curl
need libclang-dev bash -c 'ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so*'
need python3 command -v python3
need python3-pip python3 -m pip --version
if [ "$what" = test ]; then
    need postgresql bash -c 'ls /usr/lib/postgresql/*/bin/initdb'
    need python3-venv python3 -m venv --help
fi
if [ "$what" = page ]; then
    need chromium command -v chromium
    need nodejs command -v node
    need npm command -v npm
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "A Rust toolchain is needed: install rustup, then run this again." >&2
    exit 1
fi
[ ${#packages[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This system has no apt-get. Install the equivalents of: ${packages[*]} — then run this again." >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Run as root: apt-get install ${packages[*]}" >&2; exit 1; }
    sudo=sudo
fi
echo "Installing system packages: ${packages[*]}"
echo "  $sudo apt-get update && $sudo apt-get install -y --no-install-recommends ${packages[*]}"
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
