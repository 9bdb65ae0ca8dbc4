#!/bin/sh
# Unpacks OpenLDAP's server and tools into .local/debian, for the demo and the tests. Unpacked rather than installed, so that
# no system service can ever start, no root is needed and no AppArmor profile keeps the server out of temporary folders.
set -eu
cd "$(dirname "$0")/.."

root=$PWD/.local/debian
works() {
    LD_LIBRARY_PATH="$(echo "$root"/usr/lib/*-linux-gnu*):$(echo "$root"/lib/*-linux-gnu*)" "$root/usr/sbin/slapd" -VV 2>&1 | grep -q OpenLDAP
}
if [ -x "$root/usr/sbin/slapd" ] && works; then exit 0; fi
if scripts/unpack_packages.sh slapd ldap-utils && works; then exit 0; fi

rm -rf "$root/usr/sbin/slapd"
if [ -x /usr/sbin/slapd ] && command -v ldapsearch >/dev/null 2>&1; then
    echo "Packages cannot be unpacked here; demo and tests will use the slapd that is installed."
    exit 0
fi
echo "OpenLDAP could not be unpacked. Install slapd and ldap-utils, without starting the service, and run make again." >&2
exit 1
