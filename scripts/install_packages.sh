#!/bin/sh
# Installs the Debian packages named as arguments; run as root by system_packages.sh. No service is started, now or at the next boot.
set -eu

POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.conf
running_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }
enabled_units() { systemctl list-unit-files --type=service,socket,timer,path --state=enabled --no-legend | awk '{print $1}' | sort; }

before=$(mktemp)
cleanup() {
    [ -z "${own_policy:-}" ] || rm -f "$POLICY"
    if [ -n "${own_clusters:-}" ]; then
        # Debian's default comes back, so that somebody who wants a cluster later gets one.
        if [ -f /usr/share/postgresql-common/createcluster.conf ]; then
            cp /usr/share/postgresql-common/createcluster.conf "$CLUSTERS"
        else
            rm -f "$CLUSTERS"
        fi
    fi
    rm -f "$before"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -e "$POLICY" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
fi
case " $* " in
*" postgresql"*)
    # Only the server's programs are wanted, not a database cluster beside them.
    if [ ! -e "$CLUSTERS" ]; then
        own_clusters=yes
        mkdir -p "$(dirname "$CLUSTERS")"
        echo 'create_main_cluster = false' >"$CLUSTERS"
    fi
    ;;
esac
if running_systemd; then enabled_units >"$before"; fi

export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1
install() { apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold "$@"; }
for package in "$@"; do
    # Fresh machines and containers come without package lists.
    apt-cache show "$package" >/dev/null 2>&1 || { apt-get update -q; break; }
done
install "$@" || { apt-get update -q && install "$@"; }

if running_systemd; then
    for unit in $(enabled_units | comm -13 "$before" -); do systemctl disable --quiet "$unit" || true; done
fi
