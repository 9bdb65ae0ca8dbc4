"""Finds out whether and why no protected connection can be made, because the LDAP library only says "can't
contact server".

The diagnosis makes a connection of its own with Python's `ssl`; it sends no login.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ldap

from directory_sync.endpoints.ldap.connection import LdapSettings, Security
from directory_sync.errors import EndpointError, EndpointUnavailable, SecurityError

# ExtendedRequest StartTLS with message id 1 (RFC 4511, section 4.14.1), and an anonymous bind with message id
# 1.
_STARTTLS_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
_ANONYMOUS_BIND = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"
_LDAP_MESSAGE = 0x30
_LONGEST_LOOK = 3.0
"""Seconds that a port is given to show whether it speaks TLS."""
_SYSTEM_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def authorities(settings: LdapSettings) -> str | None:
    """The file with the authorities to trust: the connection's, else ldap.conf's, else the system's; None if
    there is none.
    """
    if settings.ca_certificate:
        return settings.ca_certificate
    configured = ldap.get_option(ldap.OPT_X_TLS_CACERTFILE)
    candidates = (configured, ssl.get_default_verify_paths().cafile, *_SYSTEM_AUTHORITIES)
    return next((path for path in candidates if path and Path(path).is_file()), None)


def diagnose(settings: LdapSettings) -> EndpointError | None:
    """Why no connection can be made; None if one can be made now, up to and including TLS."""
    try:
        context = _context(settings)
    except SecurityError as error:
        return error
    try:
        with _connected(settings) as connection:
            if settings.security is Security.NONE:
                return None
            if (
                settings.security is Security.STARTTLS
                and (problem := _start_tls(connection, settings)) is not None
            ):
                return problem
            with context.wrap_socket(connection, server_hostname=settings.host):
                return None
    except ssl.SSLCertVerificationError as error:
        return _certificate_problem(error, settings)
    except socket.gaierror as error:
        return EndpointUnavailable(
            f"the host name {settings.host} cannot be resolved: {error.strerror}.",
            endpoint=settings.label,
            remedy="Correct the connection's host, or the name service.",
        )
    except TimeoutError:
        if settings.security is Security.STARTTLS and _speaks_tls(settings):
            # 389 Directory Server waits for the rest of what it takes for the beginning of TLS.
            return wrong_port(settings)
        return EndpointUnavailable(
            f"nothing answers within {settings.timeout:g} seconds.",
            endpoint=settings.label,
            remedy=(
                "See that host and port are right and no firewall is in between, or raise timeout in the"
                " connection's extra."
            ),
        )
    except ConnectionRefusedError:
        return EndpointUnavailable(
            "the connection was refused: nothing listens on that port.",
            endpoint=settings.label,
            remedy="See that the server runs, and that host and port are right.",
        )
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError) as error:
        return _handshake_problem(error, settings)
    except OSError as error:
        return EndpointUnavailable(
            f"the server cannot be reached: {error.strerror or error}.",
            endpoint=settings.label,
            remedy="See that the server runs and that the network lets us through.",
        )


@contextlib.contextmanager
def _connected(settings: LdapSettings) -> Iterator[socket.socket]:
    with socket.create_connection((settings.host, settings.port), timeout=settings.timeout) as connection:
        yield connection


def _context(settings: LdapSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authorities(settings))
    except (ssl.SSLError, OSError) as error:
        raise SecurityError(
            f"the file {authorities(settings)} holds no certificate that can be read:"
            f" {getattr(error, 'reason', None) or error}.",
            endpoint=settings.label,
            remedy=(
                "Set ca_certificate in the connection's extra to a PEM file with the authority's certificate."
            ),
        ) from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _start_tls(connection: socket.socket, settings: LdapSettings) -> EndpointError | None:
    connection.sendall(_STARTTLS_REQUEST)
    answer = connection.recv(4096)
    if not answer:
        raise ConnectionResetError("closed by the server")
    # LDAPMessage, message id, ExtendedResponse, then the result code: 0 is success, whatever the length
    # octets look like.
    if answer[0] == _LDAP_MESSAGE and b"\x0a\x01\x00" in answer[:24]:
        return None
    return SecurityError(
        "the server does not offer StartTLS.",
        endpoint=settings.label,
        remedy="Set security to ldaps (port 636), or give the server a certificate.",
    )


def _certificate_problem(error: ssl.SSLCertVerificationError, settings: LdapSettings) -> SecurityError:
    trusted = f"the authorities in {authorities(settings) or 'the system store'}"
    ca_remedy = (
        "Set ca_certificate in the connection's extra to the PEM file of the authority that issued the"
        " server's certificate."
    )
    name_remedy = (
        "Use the name that the certificate was issued for as the connection's host, or issue it for this name"
        " too."
    )
    problems = {
        "CERT_HAS_EXPIRED": (
            "the server's certificate, or its authority's, has expired",
            "Renew it on the server.",
        ),
        "CERT_NOT_YET_VALID": (
            "the server's certificate is not valid yet",
            "See that the clocks on both machines are right.",
        ),
        "DEPTH_ZERO_SELF_SIGNED_CERT": (
            f"the server's certificate is self-signed and not among {trusted}",
            ca_remedy,
        ),
        "SELF_SIGNED_CERT_IN_CHAIN": (
            f"the authority that issued the server's certificate is not among {trusted}",
            ca_remedy,
        ),
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": (
            f"the server's certificate is not issued by one of {trusted}",
            ca_remedy,
        ),
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE": (
            f"the server's certificate is not issued by one of {trusted}",
            ca_remedy,
        ),
        "HOSTNAME_MISMATCH": (f"the server's certificate is not for the name {settings.host}", name_remedy),
        "IP_ADDRESS_MISMATCH": (
            f"the server's certificate is not for the address {settings.host}",
            name_remedy,
        ),
    }
    what, remedy = problems.get(
        _VERIFY_CODES.get(error.verify_code, ""),
        (f"the server's certificate was refused: {error.verify_message}", ca_remedy),
    )
    return SecurityError(f"{what}.", endpoint=settings.label, remedy=remedy)


# Numbers of OpenSSL's X509_V_ERR_… codes (openssl-verification-options, x509_vfy.h); Python does not name
# them.
_VERIFY_CODES = {
    9: "CERT_NOT_YET_VALID",
    10: "CERT_HAS_EXPIRED",
    18: "DEPTH_ZERO_SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    62: "HOSTNAME_MISMATCH",
    64: "IP_ADDRESS_MISMATCH",
}


def _handshake_problem(error: OSError, settings: LdapSettings) -> EndpointError:
    if settings.security is Security.LDAPS and _speaks_plain_ldap(settings):
        return SecurityError(
            "this port speaks LDAP without TLS.",
            endpoint=settings.label,
            remedy="Use the LDAPS port (636), or set security to starttls.",
        )
    if settings.security is not Security.LDAPS and _speaks_tls(settings):
        return wrong_port(settings)
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return SecurityError(
            f"TLS could not be agreed upon: {reason}.",
            endpoint=settings.label,
            remedy="The server must offer TLS 1.2 or newer.",
        )
    return EndpointUnavailable(
        f"the server closed the connection: {reason}.",
        endpoint=settings.label,
        remedy="Look at the server's log; if it has just been started, try again.",
    )


def wrong_port(settings: LdapSettings) -> SecurityError:
    """The port wants TLS from the first byte."""
    return SecurityError(
        "this port speaks LDAPS: TLS from the start.",
        endpoint=settings.label,
        remedy="Set security to ldaps, or use the port for plain LDAP (389).",
    )


def _speaks_plain_ldap(settings: LdapSettings) -> bool:
    with contextlib.suppress(OSError), _connected(settings) as connection:
        connection.sendall(_ANONYMOUS_BIND)
        return connection.recv(1) == bytes([_LDAP_MESSAGE])
    return False


def _speaks_tls(settings: LdapSettings) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    patience = replace(settings, timeout=min(settings.timeout, _LONGEST_LOOK))
    with contextlib.suppress(OSError), _connected(patience) as connection, context.wrap_socket(connection):
        return True
    return False


def diagnose_plain(settings: LdapSettings) -> EndpointError | None:
    """Why a plain connection broke off or was not answered although the port is open: it may want TLS."""
    return wrong_port(settings) if _speaks_tls(settings) else None
