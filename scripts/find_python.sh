#!/bin/sh
# Prints the newest Python from 3.11 to 3.13 on PATH; exits 1 without output if there is none.
set -eu

for name in python3.13 python3.12 python3.11 python3 python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if "$path" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done
exit 1
