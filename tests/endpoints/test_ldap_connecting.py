"""What users are told when a directory cannot be reached, trusted or logged in to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap
import pytest

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.endpoints.ldap import server as ldap_server
from directory_sync.endpoints.ldap import session
from directory_sync.endpoints.ldap.source import LdapSource
from directory_sync.errors import (
    AuthenticationError,
    EndpointError,
    EndpointUnavailable,
    MissingObjectError,
    SchemaError,
    SecurityError,
)
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.container import Container
from tests.scenarios.forked_child import ForkedChild, Tell
from tests.scenarios.slapd import Slapd, free_port


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RETRY_DELAYS", ())


def endpoint(connection: ConnectionInfo) -> LdapSource:
    return directories.source(connection, "dc=example,dc=org")


def failure(connection: ConnectionInfo) -> EndpointError:
    """How `check` fails; the message always names the connection and never the password."""
    with pytest.raises(EndpointError) as caught:
        endpoint(connection).check()
    text = str(caught.value)
    assert "connection lab (ldap" in text
    assert not connection.password or connection.password not in text
    assert caught.value.remedy
    return caught.value


def protected(slapd: Slapd, authority: Authority, **extra: Any) -> ConnectionInfo:
    """A connection with LDAPS and the right authority."""
    extra = {"security": "ldaps", "ca_certificate": str(authority.ca), **extra}
    port = slapd.port if extra["security"] == "starttls" else slapd.tls_port
    return directories.slapd_connection(slapd, port=port, **extra)


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_verified(shared_slapd: Slapd, authority: Authority, security: str) -> None:
    """With the authority's file both kinds of protection work, and there is nothing to warn of."""
    with closing(endpoint(protected(shared_slapd, authority, security=security))) as source:
        source.check()
        assert source.warnings == ()


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_unverified(shared_slapd: Slapd, authority: Authority, security: str) -> None:
    """`verify: false` connects to anybody, and says so."""
    connection = protected(shared_slapd, authority, security=security, ca_certificate=None, verify=False)
    with closing(endpoint(connection)) as source:
        source.check()
        assert "verify is false" in source.warnings[0]


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_untrusted_authority(shared_slapd: Slapd, authority: Authority, security: str) -> None:
    """A certificate of an unknown authority is refused; the message names the setting that helps."""
    error = failure(protected(shared_slapd, authority, security=security, ca_certificate=None))
    assert isinstance(error, SecurityError)
    assert (
        "is not issued by one of the authorities in" in error.message
        or "is not among the authorities" in error.message
    )
    assert "ca_certificate" in error.remedy


def test_self_signed(new_slapd: Callable[..., Slapd], authority: Authority) -> None:
    """A self-signed certificate is named as such."""
    slapd = new_slapd(certificate=authority.self_signed())
    error = failure(protected(slapd, authority))
    assert isinstance(error, SecurityError)
    assert "self-signed" in error.message


def test_expired(new_slapd: Callable[..., Slapd], authority: Authority) -> None:
    """An expired certificate is named as such."""
    slapd = new_slapd(certificate=authority.issue("expired", days=-1))
    error = failure(protected(slapd, authority))
    assert isinstance(error, SecurityError)
    assert "expired" in error.message
    assert "Renew" in error.remedy


@pytest.mark.parametrize(
    ("alternatives", "host", "words"),
    [
        ("DNS:other.example", "127.0.0.1", "not for the address 127.0.0.1"),
        ("IP:127.0.0.1", "localhost", "not for the name localhost"),
    ],
)
def test_wrong_name(
    new_slapd: Callable[..., Slapd], authority: Authority, alternatives: str, host: str, words: str
) -> None:
    """A certificate for another name is refused, and the message says for which name it should be."""
    slapd = new_slapd(certificate=authority.issue("other", alternatives))
    error = failure(replace(protected(slapd, authority), host=host))
    assert isinstance(error, SecurityError)
    assert words in error.message


def test_ldaps_on_a_plain_port(shared_slapd: Slapd) -> None:
    """LDAPS against a port that speaks plain LDAP: the message says so."""
    error = failure(directories.slapd_connection(shared_slapd, security="ldaps"))
    assert isinstance(error, SecurityError)
    assert "LDAP without TLS" in error.message
    assert "636" in error.remedy


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_plain_on_an_ldaps_port(shared_slapd: Slapd, security: str) -> None:
    """Plain LDAP or StartTLS against an LDAPS port: the message says so."""
    error = failure(
        directories.slapd_connection(shared_slapd, port=shared_slapd.tls_port, security=security, timeout=2)
    )
    assert isinstance(error, SecurityError)
    assert "LDAPS" in error.message


def test_no_starttls(new_slapd: Callable[..., Slapd]) -> None:
    """A server without a certificate cannot do StartTLS."""
    error = failure(directories.slapd_connection(new_slapd(), security="starttls"))
    assert isinstance(error, SecurityError)
    assert "does not offer StartTLS" in error.message


def test_unreachable(shared_slapd: Slapd) -> None:
    """Nothing listens: transient, because it may listen later."""
    error = failure(directories.slapd_connection(shared_slapd, port=free_port()))
    assert isinstance(error, EndpointUnavailable)
    assert "refused" in error.message


@pytest.mark.parametrize("security", ["none", "ldaps"])
def test_unknown_host(shared_slapd: Slapd, security: str) -> None:
    """A host name that does not exist is named."""
    error = failure(
        replace(directories.slapd_connection(shared_slapd, security=security), host="nowhere.invalid")
    )
    assert isinstance(error, EndpointUnavailable)
    assert "nowhere.invalid cannot be resolved" in error.message


@pytest.mark.parametrize("security", ["none", "ldaps", "starttls"])
def test_silent_server(shared_slapd: Slapd, security: str) -> None:
    """A server that accepts and never answers is given up after the timeout."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        connection = directories.slapd_connection(
            shared_slapd, port=silent.getsockname()[1], security=security, timeout=0.3
        )
        error = failure(connection)
    assert isinstance(error, EndpointUnavailable)


def test_wrong_password(shared_slapd: Slapd) -> None:
    """The message names the login, not the password."""
    error = failure(replace(directories.slapd_connection(shared_slapd), password="mistaken"))
    assert isinstance(error, AuthenticationError)
    assert shared_slapd.admin in error.message
    assert "user name or password is wrong" in error.message
    assert not error.transient


def test_login_that_is_no_dn(shared_slapd: Slapd) -> None:
    """OpenLDAP takes only DNs as logins."""
    error = failure(replace(directories.slapd_connection(shared_slapd), login="somebody"))
    assert isinstance(error, AuthenticationError)
    assert "as a DN" in error.remedy


def test_login_without_password(shared_slapd: Slapd) -> None:
    """A name without a password would be taken for anonymous by many servers (RFC 4513, section 5.1.2)."""
    with pytest.raises(EndpointError, match=r"connection lab: has a login, but no password"):
        endpoint(replace(directories.slapd_connection(shared_slapd), password=""))


def test_login_refused_without_encryption(new_slapd: Callable[..., Slapd]) -> None:
    """A server that wants encryption for logins: the message says what to set."""
    error = failure(directories.slapd_connection(new_slapd(lines=["security simple_bind=128"])))
    assert isinstance(error, SecurityError)
    assert "security" in error.remedy


def test_anonymous(shared_slapd: Slapd) -> None:
    """Without a login the session is anonymous, and reads what the server shows to everybody."""
    connection = replace(directories.slapd_connection(shared_slapd), login="", password="")
    with closing(endpoint(connection)) as source:
        source.check()
        assert records_of(source)


def records_of(source: LdapSource) -> list[str]:
    return [record.id for batch in source.read([]) for record in batch]


def test_missing_container(container: Container) -> None:
    """A container that does not exist is named, with the place where to correct it."""
    source = directories.source(directories.slapd_connection(container.slapd), f"ou=nowhere,{container.dn}")
    with pytest.raises(MissingObjectError, match=rf"ou=nowhere,{container.dn} does not exist") as caught:
        source.check()
    assert "definition" in caught.value.remedy


def test_container_of_another_server(container: Container) -> None:
    """A container outside of all naming contexts is told apart from one that is only missing."""
    source = directories.source(directories.slapd_connection(container.slapd), "dc=elsewhere")
    with pytest.raises(
        MissingObjectError, match=r"in no naming context .* holds: dc=example,dc=org; dc=branch,dc=org"
    ):
        source.check()


def test_container_that_is_no_dn(container: Container) -> None:
    """What is no DN is refused as such."""
    source = directories.source(directories.slapd_connection(container.slapd), "people")
    with pytest.raises(MissingObjectError, match="'people' is not a DN"):
        source.check()


def test_hidden_schema(new_slapd: Callable[..., Slapd]) -> None:
    """Without the schema nothing can be compared, so its absence is an error."""
    slapd = new_slapd(
        lines=[
            'access to dn.base="" by * read',
            'access to dn.base="cn=Subschema" by * none',
            "access to * by * read",
        ]
    )
    # The administrator of one database has no special rights outside of it.
    error = failure(directories.slapd_connection(slapd))
    assert isinstance(error, SchemaError)
    assert "cn=Subschema" in error.message


def test_identity_is_that_of_the_data(shared_slapd: Slapd, new_slapd: Callable[..., Slapd]) -> None:
    """Two ways to one server are the same place; another server with the same name is another place."""
    direct = endpoint(directories.slapd_connection(shared_slapd))
    by_name = endpoint(replace(directories.slapd_connection(shared_slapd, "again"), host="localhost"))
    other = endpoint(directories.slapd_connection(new_slapd()))
    branch = directories.source(directories.slapd_connection(shared_slapd), "dc=branch,dc=org")
    assert direct.identity == by_name.identity
    assert len({direct.identity, other.identity, branch.identity}) == 3


def test_connects_again_after_a_restart(new_slapd: Callable[..., Slapd]) -> None:
    """A connection that the server closed while it was idle is not used again."""
    slapd = new_slapd()
    with closing(endpoint(directories.slapd_connection(slapd))) as source:
        source.check()
        slapd.stop()
        slapd.start()
        assert records_of(source)


def test_patience(shared_slapd: Slapd) -> None:
    """A server that comes up a moment later is waited for."""
    settings = endpoint(directories.slapd_connection(shared_slapd)).settings
    port = free_port()
    listening: list[Any] = []

    def forward() -> None:
        from tests.scenarios.delay_proxy import DelayProxy

        proxy = DelayProxy(shared_slapd.port)
        proxy.port = port
        listening.append(proxy.__enter__())

    later = threading.Timer(0.2, forward)
    later.start()
    connection = session.connect_patiently(replace(settings, port=port), (0.2, 0.5, 1.0))
    assert connection.whoami_s().startswith("dn:cn=admin")
    connection.unbind_s()
    later.join()
    listening[0].__exit__(None, None, None)


def test_forked_child(container: Container) -> None:
    """A child uses connections of its own, and its end does not disturb its parent's."""
    container.add("uid=fry")
    source = container.source()
    assert len(records_of(source)) == 2
    with source.server.pool.session() as parents:

        def read(_tell: Tell) -> None:
            nonlocal source, parents
            assert source.server.pool.open() is not parents
            assert len(records_of(source)) == 2
            source.close()
            del source, parents  # freed here, they must not say goodbye for their owner

        assert ForkedChild(read).end() == 0
        assert parents.search_s(container.dn, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
    assert len(records_of(source)) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "host is empty"),
        ({"host": "http://x"}, "host begins with http://"),
        ({"host": "ldap://x", "extra": {}}, "extra security is not given, but the host begins with ldap://"),
        (
            {"host": "ldaps://x", "extra": {"security": "none"}},
            "extra security is none, but the host begins with ldaps://",
        ),
        ({"extra": {"security": "tls"}}, "extra security is 'tls'. Use one of ldaps, starttls, none"),
        ({"extra": {"verify": "maybe"}}, "extra verify is 'maybe'. Use true or false"),
        ({"extra": {"page_size": 0}}, "extra page_size is 0. Use a whole number from 1"),
        ({"extra": {"page_size": True}}, "extra page_size is True"),
        ({"extra": {"timeout": "soon"}}, "extra timeout is 'soon'. Use a number"),
        (
            {"extra": {"flavour": "novell"}},
            "extra flavour is 'novell'. Use one of auto, active_directory, openldap, generic",
        ),
        (
            {"extra": {"ca_certificate": "/nowhere/ca.pem"}},
            "extra ca_certificate names /nowhere/ca.pem, which cannot be read",
        ),
        ({"port": 70000}, "port 70000 does not exist"),
        ({"host": "cn=x:hunter2@dc1"}, "host holds a login. Enter login and password in their own fields"),
        ({"host": "ldap://cn=x:hunter2@dc1"}, "host holds more than a scheme, a name and a port"),
        ({"host": "ldap://x:hunter2#3@dc1"}, "host is not a URL. Enter a host name"),
        ({"host": "ldap://dc1#hunter2"}, "host holds more than a scheme, a name and a port"),
    ],
)
def test_bad_settings(changes: dict[str, Any], words: str) -> None:
    """Each wrong setting is named, with what would be right, before anything is connected."""
    connection = replace(
        ConnectionInfo("lab", "ldap", "dc1.lab.example", extra={"security": "none"}), **changes
    )
    with pytest.raises(EndpointError) as caught:
        endpoint(connection)
    assert str(caught.value).startswith(f"connection lab: {words}")
    assert "hunter2" not in str(caught.value)


def test_misspelled_setting() -> None:
    """An unknown key has no effect, so the nearest known one is suggested."""
    source = endpoint(ConnectionInfo("lab", "ldap", "dc1.lab.example", extra={"ca_certficate": "x"}))
    assert source.warnings == (
        "connection lab: extra ca_certficate is not known and has no effect. Did you mean ca_certificate?",
    )


def test_unreadable_authority(shared_slapd: Slapd, authority: Authority, tmp_path: Path) -> None:
    """A file that holds no certificate is told apart from an untrusted one."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    error = failure(protected(shared_slapd, authority, ca_certificate=str(empty)))
    assert isinstance(error, SecurityError)
    assert str(empty) in error.message


@pytest.mark.parametrize("names", [("entryUUID", "nsUniqueId"), ("nsuniqueid", "entryUUID")])
def test_a_server_is_told_apart_by_the_same_attribute_each_time(
    container: Container, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """389 Directory Server may show two of them, in any order."""
    shown = {name: [name.lower().encode() * 3] for name in names}
    monkeypatch.setattr(ldap_server, "read_entry", lambda *_: shown)
    assert container.destination().server._unique(container.dn) == "nsuniqueid" * 3
