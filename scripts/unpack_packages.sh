#!/bin/sh
# shellcheck disable=SC2086  # lists of words are split on purpose
# unpack_packages.sh PACKAGE…: downloads Debian packages with the libraries that are missing, and unpacks them into .local/debian.
# Needs no root, installs nothing and starts nothing: it works as any user on the Debian or Ubuntu that the packages are for.
set -eu
cd "$(dirname "$0")/.."

root=$PWD/.local/debian
state=$PWD/.local/apt
for tool in apt-get apt-cache dpkg; do
    command -v "$tool" >/dev/null 2>&1 || { echo "$tool is missing: packages can be unpacked on Debian and Ubuntu only." >&2; exit 1; }
done
downloads=$(mktemp -d)
trap 'rm -rf "$downloads"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The machine's package lists if it has any, otherwise own ones, which an ordinary user may write.
options="-o APT::Sandbox::User=root"
apt() { tool=$1; shift; "$tool" $options "$@"; }
own_lists() {
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    options="$options -o Dir::State=$state -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache=$state/cache"
    echo "Fetching package lists into .local/apt."
    apt apt-get update -qq
}
known() { for package in "$@"; do apt apt-cache show "$package" >/dev/null 2>&1 || return 1; done; }
known "$@" || own_lists

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
depends() {
    apt apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
        sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: \([a-z0-9.+-]*\)$/\2/p'
}
# Libraries of the packages, then libraries of those. The C library and Perl's belong to the running system; libldap
# comes along even if it is installed, because slapd wants the very version it was built with.
libraries() {
    found="" queue="$*"
    while [ -n "$queue" ]; do
        next=""
        for library in $(depends $queue | sort -u); do
            case $library in libc6 | libcrypt1 | libperl* | libgcc* | libc-*) continue ;; lib*) ;; *) continue ;; esac
            case " $found " in *" $library "*) continue ;; esac
            case $library in libldap*) ;; *) if installed "$library"; then continue; fi ;; esac
            found="$found $library" next="$next $library"
        done
        queue=$next
    done
    echo "$found"
}

wanted="$* $(libraries "$@")"
echo "Unpacking into .local/debian:" $wanted
cd "$downloads"
apt apt-get download -qq $wanted || { cd - >/dev/null; own_lists; cd "$downloads"; apt apt-get download -qq $wanted; }
mkdir -p "$root"
for package in *.deb; do dpkg -x "$package" "$root"; done
