#!/bin/sh
# Starts an OpenLDAP server with TLS and, the first time, with sample data: the LDIF files of a folder, in the order of their names.
# One account, cn=sync, may read or write what lies below the suffix. A process inside the container administers the directory
# through its socket: ldapmodify -Y EXTERNAL -H ldapi://%2Frun%2Fopenldap%2Fldapi
#
# LDAP_SUFFIX             naming context, for example dc=branch,dc=example
# LDAP_SYNC_RIGHT         read or write
# LDAP_SYNC_PASSWORD      of cn=sync; it counts when the directory is filled for the first time
# LDAP_SCHEMAS            further schema files, separated by spaces
set -eu
umask 077

data=${LDAP_DATA:-/var/lib/ldap}
run=${LDAP_RUN:-/run/openldap}
tls=${LDAP_TLS:-/certificates}
samples=${LDAP_SAMPLES:-/samples}
schemas=${LDAP_SCHEMA_FOLDER:-/etc/ldap/schema}
modules=${LDAP_MODULE_FOLDER:-/usr/lib/ldap}
listen=${LDAP_LISTEN:-ldaps://:1636}
account="cn=sync,$LDAP_SUFFIX"
inside_container="gidNumber=$(id -g)+uidNumber=$(id -u),cn=peercred,cn=external,cn=auth"

{
    for schema in core cosine inetorgperson nis; do echo "include $schemas/$schema.schema"; done
    for schema in ${LDAP_SCHEMAS:-}; do echo "include $schema"; done
    cat <<END
modulepath $modules
moduleload back_mdb
pidfile $run/slapd.pid
argsfile $run/slapd.args
TLSCertificateFile $tls/server.pem
TLSCertificateKeyFile $tls/server.key
TLSProtocolMin 3.3
database mdb
suffix "$LDAP_SUFFIX"
directory $data
maxsize 1073741824
index objectClass,entryUUID,entryCSN eq
index uid,cn,sn,mail,employeeNumber,member eq,pres
limits dn.exact="$account" size=unlimited time=unlimited
access to * by dn.exact="$inside_container" manage by * break
access to attrs=userPassword by dn.exact="$account" write by anonymous auth by * none
access to dn.children="$LDAP_SUFFIX" by dn.exact="$account" $LDAP_SYNC_RIGHT by * none
access to dn.base="$LDAP_SUFFIX" by dn.exact="$account" read by * none
access to * by * read
END
} >"$run/slapd.conf"

# A server that was stopped while filling the directory begins again: there is no half a directory.
if [ ! -e "$data/filled" ]; then
    rm -f "$data"/*.mdb
    name=${LDAP_SUFFIX#dc=}
    name=${name%%,*}
    password=$(printf %s "$LDAP_SYNC_PASSWORD" | slappasswd -n -T /dev/stdin)
    {
        printf 'dn: %s\nobjectClass: dcObject\nobjectClass: organization\ndc: %s\no: %s\n\n' "$LDAP_SUFFIX" "$name" "$name"
        printf 'dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: sync\nuserPassword: %s\n\n' \
            "$account" "$password"
        for file in "$samples"/*.ldif; do
            [ -e "$file" ] || continue
            cat "$file"
            echo
        done
    } >"$run/samples.ldif"
    slapadd -q -f "$run/slapd.conf" -b "$LDAP_SUFFIX" -l "$run/samples.ldif"
    rm "$run/samples.ldif"
    touch "$data/filled"
fi
exec slapd -f "$run/slapd.conf" -h "$listen ldapi://$(printf %s "$run/ldapi" | sed 's,/,%2F,g')" -d none
