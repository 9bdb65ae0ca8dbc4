#!/bin/sh
# Unpacks OpenLDAP's server and tools into .local/debian, for the demo and the tests. Unpacked rather than installed, so that
# no system service can ever start, no root is needed and no AppArmor profile keeps the server out of temporary folders.
set -eu
cd "$(dirname "$0")/.."

root=$PWD/.local/debian
libraries() { echo "$(echo "$root"/usr/lib/*-linux-gnu*):$(echo "$root"/lib/*-linux-gnu*)"; }
works() { LD_LIBRARY_PATH=$(libraries) "$root/usr/sbin/slapd" -VV 2>&1 | grep -q OpenLDAP; }
# Commands for people and tests: each finds the libraries beside it, without a variable that would reach other programs.
commands() {
    mkdir -p "$root/bin"
    for program in "$root"/usr/bin/ldap*; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$(libraries)" "$program" >"$root/bin/${program##*/}"
        chmod +x "$root/bin/${program##*/}"
    done
}
if [ -x "$root/usr/sbin/slapd" ] && works; then commands; exit 0; fi
if scripts/unpack_packages.sh slapd ldap-utils && works; then commands; exit 0; fi

rm -rf "${root:?}/usr/sbin/slapd" "${root:?}/bin"
if [ -x /usr/sbin/slapd ] && command -v ldapsearch >/dev/null 2>&1; then
    echo "Packages cannot be unpacked here; demo and tests will use the slapd that is installed."
    exit 0
fi
echo "OpenLDAP could not be unpacked. Install slapd and ldap-utils, without starting the service, and run make again." >&2
exit 1
