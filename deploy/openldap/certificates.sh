#!/bin/sh
# Makes a certificate authority and a certificate for each host that is named: `certificates.sh HOST…`. Safe to repeat.
# Each host finds its own in the folder of its name; all find the authority in `ca`. The authority's key is thrown away
# at once, so whenever a certificate is about to expire, or a host is new, all of them are made again.
set -eu
umask 077

folder=${CERTIFICATES:-/certificates}
days=825
soon=$((30 * 24 * 3600))

valid=yes
for host in "$@"; do
    mkdir -p "$folder/$host"
    openssl verify -CAfile "$folder/ca/ca.pem" "$folder/$host/server.pem" >/dev/null 2>&1 \
        && openssl x509 -checkend "$soon" -noout -in "$folder/$host/server.pem" >/dev/null \
        || valid=no
done
if [ "$valid" = yes ]; then
    echo "The certificates of $* are valid for 30 days at least."
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086 # several words on purpose
openssl req -x509 $new_key -keyout "$work/ca.key" -out "$work/ca.pem" -days "$days" -subj "/CN=Sample directories" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
for host in "$@"; do
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n' "$host" \
        >"$work/extensions"
    # shellcheck disable=SC2086
    openssl req $new_key -keyout "$work/server.key" -out "$work/request" -subj "/CN=$host" 2>/dev/null
    openssl x509 -req -in "$work/request" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days "$days" \
        -extfile "$work/extensions" -out "$work/server.pem" 2>/dev/null
    mv "$work/server.key" "$work/server.pem" "$folder/$host/"
done
mkdir -p "$folder/ca"
cp "$work/ca.pem" "$folder/ca/ca.pem"
chmod 755 "$folder/ca"
chmod 644 "$folder/ca/ca.pem"
echo "Made new certificates for $*."
