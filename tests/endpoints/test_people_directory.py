"""Users are looked up in a real directory: mail addresses and managers, and nobody where it is not certain
who is meant.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ldap
import pytest

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.endpoints.ldap import session
from directory_sync.errors import EndpointError, EndpointUnavailable, SecurityError
from directory_sync.run.people_directory import People
from directory_sync.run.timed_people import TimedPeople
from directory_sync.settings.people import PeopleDirectory
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.container import Container
from tests.scenarios.slapd import Slapd


class OneConnection:
    def __init__(self, connection: ConnectionInfo) -> None:
        self.connection = connection

    def get(self, connection_id: str) -> ConnectionInfo:
        assert connection_id == self.connection.id
        return self.connection


@contextmanager
def people(container: Container, **extra: Any) -> Iterator[People]:
    where = PeopleDirectory("lab", container.dn, "uid", "mail", "manager")
    with People(where, OneConnection(directories.slapd_connection(container.slapd, **extra))) as found:
        yield found


@pytest.fixture
def staff(container: Container) -> Container:
    """Bob, whose manager is Carol, whose manager is Dora, who has none."""
    dora = container.add("cn=Dora", uid="dora", mail="dora@corp.example")
    carol = container.add("cn=Carol", uid="carol", mail="carol@corp.example", manager=dora)
    container.add("cn=Bob", uid="bob", mail=["bob@corp.example", "b@corp.example"], manager=carol)
    return container


def test_mail_and_manager(staff: Container) -> None:
    """The first address, and the manager's user name; None for who has none, and for who is not there."""
    with people(staff) as found:
        assert found.mail_of("bob") in {"bob@corp.example", "b@corp.example"}
        assert [found.manager_of(name) for name in ("bob", "carol", "dora", "nobody", "")] == [
            "carol",
            "dora",
            None,
            None,
            None,
        ]
        assert found.mail_of("nobody") is None


def test_names_are_values_and_no_filters(staff: Container) -> None:
    """What would be a filter, or part of one, finds nobody; a name with such characters finds exactly its
    owner.
    """
    odd = "a*(b)\\c, d=é"
    staff.add("cn=Odd", uid=odd, mail="odd@corp.example")
    with people(staff) as found:
        assert found.mail_of(odd) == "odd@corp.example"
        for name in (
            "*",
            "b*",
            "bob)(uid=*",
            "*)(objectClass=*",
            "bob\x00",
            "\\2a",
            "(uid=bob)",
            "x" * 100_000,
            "\ud800",
        ):
            assert found.mail_of(name) is None, name
            assert found.manager_of(name) is None, name


def test_two_entries_of_one_name_are_nobody(staff: Container, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log who was meant twice; nobody gets mail or decides by chance."""
    staff.admin.add_s(f"ou=other,{staff.dn}", [("objectClass", b"organizationalUnit")])
    staff.add("cn=Carol,ou=other", uid="carol", mail="other@corp.example")
    with caplog.at_level(logging.WARNING), people(staff) as found:
        assert found.mail_of("carol") is None
        assert found.manager_of("carol") is None
        assert found.manager_of("bob") is None
    assert "2 entries of the people directory have uid=carol, so none of them is used" in caplog.text
    assert "is not the one person named carol" in caplog.text


def test_a_manager_outside_the_container_is_none(staff: Container) -> None:
    """Whoever can write their own `manager` cannot make an approver of an entry that is not among the
    people.
    """
    outside = f"cn=Mallory{staff.dn.partition(',')[0][3:]},ou=people,{staff.slapd.suffix}"
    staff.admin.add_s(
        outside, [("objectClass", b"inetOrgPerson"), ("cn", b"Mallory"), ("sn", b"M"), ("uid", b"mallory")]
    )
    staff.add("cn=Eve", uid="eve", manager=outside)
    # The same name inside is another person.
    staff.add("cn=Inside", uid="mallory")
    with people(staff) as found:
        assert found.manager_of("eve") is None
    staff.admin.delete_s(outside)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"manager": "cn=gone,dc=example,dc=org"}, "is not there"),
        ({"manager": ["cn=Carol,{dn}", "cn=Dora,{dn}"]}, "has 2 managers"),
        ({"manager": "cn=Nameless,{dn}"}, "has 0 values of uid"),
        ({"manager": "cn=Twice,{dn}"}, "has 2 values of uid"),
    ],
    ids=["dangling", "two", "nameless", "two names"],
)
def test_a_manager_who_is_not_certain_is_none(
    staff: Container, caplog: pytest.LogCaptureFixture, attributes: dict[str, Any], said: str
) -> None:
    """The log says why."""
    staff.add("cn=Nameless")
    staff.add("cn=Twice", uid=["twice", "two"])
    filled = {
        name: [each.format(dn=staff.dn) for each in ([value] if isinstance(value, str) else value)]
        for name, value in attributes.items()
    }
    staff.add("cn=Frank", uid="frank", **filled)
    with caplog.at_level(logging.WARNING), people(staff) as found:
        assert found.manager_of("frank") is None
    assert said in caplog.text


def test_one_session_and_each_question_once(staff: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked, there is one login; an answer is remembered until the round is over."""
    logins = []
    connect = session.connect
    monkeypatch.setattr(session, "connect", lambda settings: logins.append(settings) or connect(settings))
    with people(staff) as found:
        for _ in range(3):
            assert [found.manager_of(name) for name in ("bob", "carol", "nobody")] == ["carol", "dora", None]
        staff.admin.modify_s(f"cn=Bob,{staff.dn}", [(ldap.MOD_DELETE, "manager", None)])
        assert found.manager_of("bob") == "carol"
    assert len(logins) == 1
    with people(staff) as later:
        assert later.manager_of("bob") is None


def test_certificates_are_checked_as_the_connection_says(staff: Container, authority: Authority) -> None:
    """An unknown authority is refused; the right one is not."""
    tls = {"security": "ldaps", "port": staff.slapd.tls_port}
    with people(staff, **tls) as found, pytest.raises(SecurityError):
        found.mail_of("bob")
    with people(staff, **tls, ca_certificate=str(authority.ca)) as found:
        assert found.mail_of("carol") == "carol@corp.example"


def test_a_directory_that_is_down_says_so_once(staff: Container, new_slapd: Callable[..., Slapd]) -> None:
    """It is an error and no missing manager; further questions do not wait for it again."""
    gone = new_slapd("dc=gone,dc=org")
    gone.kill()
    with people(replace(staff, slapd=gone)) as found:
        with pytest.raises(EndpointUnavailable) as first:
            found.manager_of("bob")
        with pytest.raises(EndpointUnavailable) as second:
            found.mail_of("carol")
    assert first.value is second.value


def test_a_container_that_is_not_there_names_the_setting(staff: Container) -> None:
    """A mistyped base is no reason to believe that nobody has a manager."""
    with (
        people(replace(staff, dn=f"ou=nowhere,{staff.slapd.suffix}")) as found,
        pytest.raises(EndpointError, match="people_base"),
    ):
        found.manager_of("bob")


# -- within one short time -----------------------------------------------------------------------------------


def test_within_its_time_it_answers_as_the_directory_does(staff: Container) -> None:
    """Answers, and errors, are those of `People`."""
    where = PeopleDirectory("lab", staff.dn, "uid", "mail", "manager")
    connection = directories.slapd_connection(staff.slapd)
    with TimedPeople(where, OneConnection(connection), seconds=30) as found:
        assert (found.mail_of("carol"), found.manager_of("bob"), found.mail_of("nobody")) == (
            "carol@corp.example",
            "carol",
            None,
        )
    wrong = replace(where, base=f"ou=gone,{staff.dn}")
    with (
        TimedPeople(wrong, OneConnection(connection), seconds=30) as found,
        pytest.raises(EndpointError, match="ou=gone"),
    ):
        found.mail_of("carol")


def test_a_directory_that_hangs_holds_nobody_up_for_longer_than_the_time(container: Container) -> None:
    """It accepts connections and says nothing: all questions together take the time once, not each of
    them.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        where = PeopleDirectory("lab", "dc=example,dc=org", "uid", "mail", "manager")
        connection = replace(directories.slapd_connection(container.slapd), host="127.0.0.1", port=port)
        started = time.monotonic()
        with TimedPeople(where, OneConnection(connection), seconds=1) as found:
            for number in range(12):
                with pytest.raises(EndpointUnavailable, match="within 1 s"):
                    found.mail_of(f"person{number}")
        # One name after the other would take 12 s.
        assert 1 <= time.monotonic() - started < 9


def test_only_the_time_that_somebody_waits_counts(staff: Container) -> None:
    """Sending the mails in between does not use it up."""
    where = PeopleDirectory("lab", staff.dn, "uid", "mail", "manager")
    with TimedPeople(where, OneConnection(directories.slapd_connection(staff.slapd)), seconds=4) as found:
        assert found.mail_of("carol")
        time.sleep(4.2)
        assert found.mail_of("dora") == "dora@corp.example"
