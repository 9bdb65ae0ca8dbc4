#!/bin/sh
# make fuzz: SECONDS [TARGET ...]. Installs atheris into .local/fuzz, beside the locked environment, and lets it loose on each target.
# What it found interesting stays in .local/fuzz/corpus for the next time; octets that broke a rule are saved there, and end the run.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
packages="$PWD/.local/fuzz/$(.venv/bin/python -c 'import sys; print(*sys.version_info[:2], sep=".")')"

if [ ! -d "$packages/atheris" ]; then
    echo "Installing atheris into $packages."
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python .venv/bin/python --target "$packages" "atheris==3.0.0"
    else
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --target "$packages" "atheris==3.0.0"
    fi
fi
[ $# -gt 0 ] || set -- definition json filter template csv ldif
for name in "$@"; do
    echo "Fuzzing $name for $seconds s."
    PYTHONPATH="$PWD:$packages" .venv/bin/python -m tests.chaos.fuzz "$name" --seconds "$seconds" --corpus .local/fuzz/corpus
done
