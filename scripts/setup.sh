#!/bin/sh
# make setup: a Python environment in .venv with exactly the packages of requirements/dev.txt, and OpenLDAP in .local/debian.
# Package indexes and mirrors are whatever pip, uv and apt are configured for on this machine.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE

scripts/system_packages.sh setup
scripts/unpack_slapd.sh

if [ ! -x .venv/bin/python ]; then
    python=$(scripts/find_python.sh)
    echo "Making .venv with $("$python" --version) ($python)."
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then "$python" -m venv .venv; else uv venv --quiet --seed --python "$python" .venv; fi
fi
if [ -x .venv/bin/uv ]; then
    uv=.venv/bin/uv
elif command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    uv=$(command -v uv)
elif .venv/bin/python -m pip install --quiet --disable-pip-version-check uv; then
    uv=.venv/bin/uv
else
    uv=""
fi

# python-ldap is compiled here; where its headers were unpacked rather than installed, it needs to be told.
if [ -f .local/debian/usr/include/ldap.h ] && [ ! -f /usr/include/ldap.h ]; then
    for libraries in "$PWD"/.local/debian/usr/lib/*-linux-gnu*; do
        export CFLAGS="-I$PWD/.local/debian/usr/include ${CFLAGS:-}"
        export LDFLAGS="-L$libraries -Wl,-rpath,$libraries ${LDFLAGS:-}"
    done
    # The result points into this checkout, so it must not end up in a cache that other checkouts use.
    export UV_CACHE_DIR="$PWD/.local/uv-cache"
    export PIP_CACHE_DIR="$PWD/.local/pip-cache"
fi

echo "Installing requirements/dev.txt into .venv."
install() {
    if [ -n "$uv" ]; then "$uv" pip install --quiet --python .venv/bin/python "$@"; else return 1; fi
}
install_with_pip() {
    # uv reads its own configuration, not pip's: on a machine where only pip knows the way to a mirror, pip goes.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || return 1
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
}
install --compile-bytecode --require-hashes -r requirements/dev.txt || install_with_pip --require-hashes -r requirements/dev.txt
install --no-deps --editable . || install_with_pip --no-deps --editable .

.venv/bin/directory-sync --help >/dev/null
echo "Ready: .venv/bin/directory-sync is the command; make demo shows it at work."
