#!/bin/sh
# system_packages.sh setup|test|browser: says which Debian packages are missing for that purpose and installs them,
# as root or with sudo where that asks for no password. Otherwise says what to ask the administrator for.
set -eu
cd "$(dirname "$0")/.."

purpose=${1:?usage: system_packages.sh setup|test|browser}
missing=""
need() { missing="$missing $*"; }
present() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
header() { [ -f "/usr/include/$1" ] || [ -f ".local/debian/usr/include/$1" ] || { present cc && echo "#include <$1>" | cc -E - >/dev/null 2>&1; }; }

needed_for_setup() {
    if python=$(scripts/find_python.sh); then
        # A Python of the system has its parts in packages named after it.
        package=$(basename "$python")
        [ "$package" != python ] || package=python3
        present uv || "$python" -c 'import ensurepip, venv' 2>/dev/null || need "$package-venv"
        "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
            need "$package-dev"
    else
        need python3 python3-venv python3-dev
    fi
    present openssl || [ -x .local/debian/usr/bin/openssl ] || need openssl
    present cc || need gcc libc6-dev
    header ldap.h || need libldap-dev
    header sasl/sasl.h || need libsasl2-dev
}

needed_for_test() {
    present samba || need samba samba-ad-dc
    [ -d /usr/share/samba/setup ] || need samba-ad-provision
    present ldbsearch || need ldb-tools
    set -- /usr/lib/postgresql/*/bin/postgres
    [ -x "$1" ] || present postgres || need postgresql
    present ns-slapd || need 389-ds-base
    present certutil || need libnss3-tools
    present redis-server || need redis-server
    needed_for_browser
}

needed_for_browser() {
    present chromium || need chromium fonts-dejavu-core
}

case $purpose in
setup) needed_for_setup ;;
test) needed_for_test ;;
browser) needed_for_browser ;;
*) echo "system_packages.sh: unknown purpose $purpose" >&2; exit 2 ;;
esac
[ -n "$missing" ] || exit 0

root=""
if [ "$(id -u)" -ne 0 ]; then root="sudo -n"; fi
may_install() { present apt-get && { [ -z "$root" ] || { present sudo && sudo -n true 2>/dev/null; }; }; }

echo "Missing for make $purpose:$missing"
if may_install; then
    echo "Installing these Debian packages; no service will be started."
    # shellcheck disable=SC2086  # words on purpose
    $root scripts/install_packages.sh $missing
    if [ "$purpose" = setup ] && ! scripts/find_python.sh >/dev/null; then
        echo "This system's python3 is not one of 3.11, 3.12 and 3.13. Install one of them and run make again." >&2
        exit 1
    fi
    exit 0
fi

case $purpose in
setup)
    # The headers and openssl need no root: they can be unpacked beside slapd.
    rest=""
    for package in $missing; do
        case $package in libldap-dev | libsasl2-dev | openssl) loose="${loose:-} $package" ;; *) rest="$rest $package" ;; esac
    done
    if [ -z "$rest" ] && present apt-get && present dpkg; then
        echo "There is neither root nor passwordless sudo, so these are unpacked into .local/debian."
        # shellcheck disable=SC2086  # words on purpose
        exec scripts/unpack_packages.sh $loose
    fi
    echo "There is neither root nor passwordless sudo (or no apt-get). Ask an administrator to run:" >&2
    echo "    apt-get install$missing" >&2
    echo "(or install the same things the way your system does it) and run make again." >&2
    exit 1
    ;;
test)
    echo "There is neither root nor passwordless sudo: tests that need these are skipped and say so. An administrator can run:"
    echo "    apt-get install$missing"
    ;;
browser)
    echo "Ask an administrator to run: apt-get install$missing" >&2
    exit 1
    ;;
esac
