"""The one list of attributes that hold passwords, or what serves as one.

Jobs that read or write them are refused, and filters that compare them; their values are never shown.
"""

from __future__ import annotations

_BY_ORIGIN: tuple[tuple[str, ...], ...] = (
    # RFC 4519 and RFC 3112, with their object identifiers, by which a definition may name them too
    ("userPassword", "2.5.4.35", "authPassword", "1.3.6.1.4.1.4203.1.3.4"),
    # Active Directory ([MS-ADA1] to [MS-ADA3]): passwords, their hashes, and keys of trusts, disks and local
    # administrators
    (
        *("unicodePwd", "1.2.840.113556.1.4.90", "dBCSPwd", "1.2.840.113556.1.4.55", "clearPassword"),
        *("lmPwdHistory", "1.2.840.113556.1.4.160", "ntPwdHistory", "1.2.840.113556.1.4.94"),
        *("supplementalCredentials", "1.2.840.113556.1.4.125", "unixUserPassword", "1.2.840.113556.1.4.1910"),
        *(
            "msSFU30Password",
            "msDS-ManagedPassword",
            "msDS-ManagedPasswordPreviousId",
            "msDS-ManagedPasswordId",
        ),
        *("ms-Mcs-AdmPwd", "msLAPS-Password", "msLAPS-EncryptedPassword", "msLAPS-EncryptedPasswordHistory"),
        *(
            "msLAPS-EncryptedDSRMPassword",
            "msLAPS-EncryptedDSRMPasswordHistory",
            "msFVE-RecoveryPassword",
            "msFVE-KeyPackage",
        ),
        *(
            "initialAuthIncoming",
            "initialAuthOutgoing",
            "trustAuthIncoming",
            "trustAuthOutgoing",
            "currentValue",
            "priorValue",
        ),
        *("msDS-ExecuteScriptPassword", "msPKIAccountCredentials", "msPKIDPAPIMasterKeys"),
    ),
    # Samba, on its own and with OpenLDAP
    (
        *("sambaNTPassword", "1.3.6.1.4.1.7165.2.1.25", "sambaLMPassword", "1.3.6.1.4.1.7165.2.1.24"),
        *(
            "sambaPasswordHistory",
            "sambaClearTextPassword",
            "sambaPreviousClearTextPassword",
            "ntPassword",
            "lmPassword",
        ),
        *("clearTextPassword", "virtualClearTextUTF8", "virtualClearTextUTF16"),
    ),
    # OpenLDAP, 389 Directory Server, FreeIPA, OpenDJ, Novell eDirectory
    (
        *(
            "pwdHistory",
            "1.3.6.1.4.1.42.2.27.8.1.20",
            "passwordHistory",
            "olcRootPW",
            "olcDbIDAssertBind",
            "oathSecret",
        ),
        *("nsslapd-rootpw", "nsDS5ReplicaCredentials", "nsMultiplexorCredentials", "nsSymmetricKey"),
        *(
            "ipaNTHash",
            "ipaNTTrustAuthIncoming",
            "ipaNTTrustAuthOutgoing",
            "ipatokenOTPkey",
            "ipatokenRadiusSecret",
        ),
        *(
            "ds-pwp-reset-token",
            "ds-pwp-password-history",
            "ds-cfg-key-store-pin",
            "nspmPassword",
            "nspmDistributionPassword",
        ),
    ),
    # Kerberos (MIT, Heimdal), RADIUS, private keys in directories (RFC 2798)
    (
        *(
            "krbPrincipalKey",
            "2.16.840.1.113719.1.301.4.39.1",
            "krbMKey",
            "krbPwdHistory",
            "krbExtraData",
            "krb5Key",
        ),
        *("radiusTunnelPassword", "radiusSharedSecret", "userPKCS12", "2.16.840.1.113730.3.1.216"),
    ),
    # Columns of files and tables
    ("password", "passwd", "pwd", "userPwd", "initialPassword", "plainPassword", "passwordHash"),
)

PASSWORD_ATTRIBUTES = frozenset(name.lower() for names in _BY_ORIGIN for name in names)
"""All of them, lower case, without options."""


def is_password(field: str) -> bool:
    """Whether a field holds passwords, however it is spelled: case, options (`;binary`) and a leading `OID.`
    do not matter.
    """
    return field.strip().lower().partition(";")[0].removeprefix("oid.") in PASSWORD_ATTRIBUTES
