#!/bin/sh
# make lock: resolves pyproject.toml into requirements/run.txt (to run it), requirements/dev.txt (to work on it),
# requirements/deploy.txt (the image of docker-compose.yml) and requirements/build.txt (what builds that image), for all
# supported Pythons, with hashes. Existing pins are kept where they still fit; `scripts/lock.sh --upgrade` takes the newest.
set -eu
cd "$(dirname "$0")/.."

lock() {
    output=$1
    shift
    uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" --output-file "$output" "$@"
}
lock requirements/dev.txt --extra postgres --group dev "$@"
lock requirements/run.txt --extra postgres --constraints requirements/dev.txt "$@"
lock requirements/deploy.txt --extra postgres --group deploy --constraints requirements/dev.txt "$@"
output=requirements/build.txt
uv pip compile --group build --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --custom-compile-command "make lock" --constraints requirements/dev.txt --output-file "$output" "$@"
