"""What an Airflow connection of type `ldap` says, checked and with its defaults filled in.

Nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from directory_sync.definition.problems import nearest
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError

T = TypeVar("T")


class Security(StrEnum):
    """How the connection is protected."""

    LDAPS = "ldaps"
    STARTTLS = "starttls"
    NONE = "none"


class Flavour(StrEnum):
    """What kind of server it is; `auto` asks the server."""

    AUTO = "auto"
    ACTIVE_DIRECTORY = "active_directory"
    OPENLDAP = "openldap"
    GENERIC = "generic"


DEFAULT_PAGE_SIZE = 1000
DEFAULT_TIMEOUT = 30.0
EXTRA_KEYS = (
    "security",
    "ca_certificate",
    "verify",
    "page_size",
    "timeout",
    "flavour",
    "instance",
    "assertion_control",
)
_DEFAULT_PORTS = {Security.LDAPS: 636, Security.STARTTLS: 389, Security.NONE: 389}


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """Where a directory is and how to talk to it.

    Attributes:
        connection_id: the Airflow connection.
        host, port: of the server.
        login, password: bind DN or user principal name, and its secret; both empty for an anonymous session.
        security: LDAPS, StartTLS, or none.
        ca_certificate: file with the authorities to trust; None for those of the system.
        verify: whether the server's certificate is checked.
        page_size: entries per page of a listing (RFC 2696).
        timeout: seconds that connecting or one answer may take.
        flavour: as configured; `auto` asks the server.
        instance: tells this server from a copy with the same data; empty for the one and only.
        assertion_control: each write carries what was seen as a condition (RFC 4528), instead of a look just
            before it.
        warnings: what is unsafe or unknown about these settings, one sentence each.
    """

    connection_id: str
    host: str
    port: int
    login: str = ""
    password: str = field(default="", repr=False)
    security: Security = Security.LDAPS
    ca_certificate: str | None = None
    verify: bool = True
    page_size: int = DEFAULT_PAGE_SIZE
    timeout: float = DEFAULT_TIMEOUT
    flavour: Flavour = Flavour.AUTO
    instance: str = ""
    assertion_control: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """The LDAP URL of the server (RFC 4516), without a DN."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.security is Security.LDAPS else 'ldap'}://{host}:{self.port}"

    @property
    def label(self) -> str:
        """How messages name the directory; holds no secret."""
        return f"connection {self.connection_id} ({self.uri})"


def read_settings(connection: ConnectionInfo) -> LdapSettings:
    """Check a connection and fill in defaults. Raises EndpointError that names the connection and the key."""
    extra = _Extra(connection)
    host, port, scheme = _address(connection)
    security = extra.choice("security", Security, Security.LDAPS)
    if scheme is not None and (scheme == "ldaps") != (security is Security.LDAPS):
        if "security" in connection.extra:
            raise extra.problem(
                "security",
                f"is {security.value}, but the host begins with {scheme}://",
                "Write the host without a scheme.",
            )
        raise extra.problem(
            "security",
            f"is not given, but the host begins with {scheme}://",
            "Set it to starttls, or to none if everything may cross the network in clear.",
        )
    if connection.login and not connection.password:
        # RFC 4513, section 5.1.2: a name without a password is an unauthenticated bind, which many servers
        # let succeed.
        raise EndpointError(
            "has a login, but no password.",
            endpoint=f"connection {connection.id}",
            remedy="Enter the password, or remove the login for an anonymous session.",
        )
    verify = extra.boolean("verify", True)
    return LdapSettings(
        connection_id=connection.id,
        host=host,
        port=port or _DEFAULT_PORTS[security],
        login=connection.login,
        password=connection.password,
        security=security,
        ca_certificate=extra.file("ca_certificate"),
        verify=verify,
        page_size=int(extra.number("page_size", DEFAULT_PAGE_SIZE, 1, 100_000, whole=True)),
        timeout=extra.number("timeout", DEFAULT_TIMEOUT, 0.1, 3600),
        flavour=extra.choice("flavour", Flavour, Flavour.AUTO),
        instance=extra.text("instance"),
        assertion_control=extra.boolean("assertion_control", False),
        warnings=(*_warnings(connection, security, verify), *extra.unknown()),
    )


def _address(connection: ConnectionInfo) -> tuple[str, int | None, str | None]:
    endpoint = f"connection {connection.id}"
    host, port, scheme = connection.host.strip(), connection.port, None
    remedy = "Enter a host name such as dc1.lab.example, or ldaps://dc1.lab.example:636."
    if "://" in host:
        try:
            parts = urlsplit(host)
            host, url_port, scheme = parts.hostname or "", parts.port, parts.scheme.lower()
        except ValueError:
            # Its text may hold a part of a password.
            raise EndpointError("host is not a URL.", endpoint=endpoint, remedy=remedy) from None
        if scheme not in ("ldap", "ldaps"):
            raise EndpointError(f"host begins with {scheme}://.", endpoint=endpoint, remedy=remedy)
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise EndpointError(
                "host holds more than a scheme, a name and a port.", endpoint=endpoint, remedy=remedy
            )
        port = url_port or port
    if "@" in host:
        raise EndpointError(
            "host holds a login. Enter login and password in their own fields.",
            endpoint=endpoint,
            remedy=remedy,
        )
    host = host.removeprefix("[").removesuffix("]")
    if not host:
        raise EndpointError("host is empty.", endpoint=endpoint, remedy=remedy)
    if any(character.isspace() or character in "/,;?#" for character in host):
        raise EndpointError(f"host {host!r} is not a host name.", endpoint=endpoint, remedy=remedy)
    if port is not None and not 0 < port < 65536:
        raise EndpointError(
            f"port {port} does not exist.", endpoint=endpoint, remedy="Use 636 for LDAPS, 389 otherwise."
        )
    return host, port, scheme


def _warnings(connection: ConnectionInfo, security: Security, verify: bool) -> list[str]:
    found = []
    if security is Security.NONE:
        found.append(
            f"connection {connection.id}: security is none, so passwords and data cross the network in clear."
            " Set it to ldaps or starttls."
        )
    elif not verify:
        found.append(
            f"connection {connection.id}: verify is false, so anyone on the network can pose as this server."
            " Set ca_certificate to the authority's file and verify to true."
        )
    return found


class _Extra:
    """The connection's extra, each value read with a message that names it when it is wrong."""

    def __init__(self, connection: ConnectionInfo) -> None:
        self._connection = connection.id
        self._values: Mapping[str, Any] = connection.extra

    def problem(self, key: str, what: str, remedy: str) -> EndpointError:
        return EndpointError(f"extra {key} {what}.", endpoint=f"connection {self._connection}", remedy=remedy)

    def choice(self, key: str, kind: Callable[[str], T], default: T) -> T:
        value = self._values.get(key)
        if value is None or value == "":
            return default
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            allowed = ", ".join(str(member.value) for member in type(default))  # type: ignore[attr-defined]
            raise self.problem(key, f"is {value!r}", f"Use one of {allowed}.") from None

    def boolean(self, key: str, default: bool) -> bool:
        value = self._values.get(key)
        if value is None or value == "":
            return default
        known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        found = known.get(str(value).strip().lower())
        if found is None:
            raise self.problem(key, f"is {value!r}", "Use true or false.")
        return found

    def number(
        self, key: str, default: float, lowest: float, highest: float, *, whole: bool = False
    ) -> float:
        value = self._values.get(key)
        if value is None or value == "":
            return default
        kind = "a whole number" if whole else "a number"
        try:
            number = int(str(value)) if whole else float(str(value))
        except ValueError:
            number = float("nan")
        # Written so that "not a number" fails too.
        if isinstance(value, bool) or not lowest <= number <= highest:
            raise self.problem(key, f"is {value!r}", f"Use {kind} from {lowest:g} to {highest:g}.")
        return number

    def text(self, key: str) -> str:
        value = self._values.get(key)
        return "" if value is None else str(value).strip()

    def file(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is None or value == "":
            return None
        path = Path(str(value)).expanduser()
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise self.problem(
                key,
                f"names {path}, which cannot be read ({error.strerror})",
                "Give the path of a PEM file with the authority's certificate.",
            ) from None
        return str(path)

    def unknown(self) -> list[str]:
        found = []
        for key in self._values:
            if key not in EXTRA_KEYS and not key.startswith(("extra__", "__")):
                near = nearest(key, EXTRA_KEYS)
                hint = f"Did you mean {near}?" if near else f"Known are {', '.join(EXTRA_KEYS)}."
                found.append(
                    f"connection {self._connection}: extra {key} is not known and has no effect. {hint}"
                )
        return found
