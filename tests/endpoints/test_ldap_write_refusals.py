"""What a real slapd does not accept, or what is not sent to it because the object has changed: and what users
are told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from directory_sync.endpoints.change import Action, Change, Result
from directory_sync.endpoints.contract import Record
from directory_sync.errors import RecordError
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.directories import deletion, person, update, write_one
from tests.scenarios.slapd import Database, Slapd

SUFFIX = "dc=example,dc=org"


# -- conflicts -----------------------------------------------------------------------------------------------


def conflict(container: Container, change: Change, words: str) -> None:
    """The change is a conflict, and the directory stays byte for byte as it is."""
    before = container.slapd.dump()
    outcome = write_one(container.destination(), change)
    assert (outcome.result, words in outcome.message) == (Result.CONFLICT, True), outcome
    assert container.slapd.dump() == before


def test_changed_in_between(container: Container) -> None:
    """An object that somebody changed after the plan was made is not overwritten: value, absence,
    identity.
    """
    dn = container.add("uid=fry", mail="now@x", title="Boy")
    identity = container.record(dn).values["entryUUID"][0]
    conflict(container, update(dn, {"mail": ("then@x", "new@x")}), "mail is not as it was")
    conflict(container, update(dn, {"title": ([], "Captain")}), "title is not as it was")
    conflict(container, update(dn, {"mail": ("then@x", []), "title": ("Boy", "x")}), "mail is not as it was")
    conflict(
        container,
        update(dn, {"mail": (["now@x", "then@x"], ["now@x", "then@x", "new@x"])}),
        "mail is not as it was",
    )
    conflict(
        container,
        update(dn, {"title": ("Boy", "x")}, identity=b"00000000-0000-1000-8000-000000000000"),
        "another object has this name",
    )
    conflict(
        container, deletion(Record(dn, {"mail": [b"then@x"]}), identity=identity), "mail is not as it was"
    )
    conflict(
        container,
        update(dn, {"mail": ("then@x", "n@x"), "uid": ("fry", "p")}, new_object=f"uid=p,{container.dn}"),
        "mail is not as it was",
    )


def test_a_deleted_object_whose_name_another_has_is_gone(container: Container) -> None:
    """The one that was to be deleted is nowhere, so there is nothing left to do; the one that has its name
    now stays.
    """
    dn = container.add("uid=fry", mail="now@x")
    before = container.slapd.dump()
    gone = deletion(Record(dn, {"mail": [b"now@x"]}), identity=b"00000000-0000-1000-8000-000000000000")
    assert write_one(container.destination(), gone).result is Result.FOUND_DONE
    assert container.slapd.dump() == before


def test_gone_in_between(container: Container) -> None:
    """An object that vanished is a conflict; one that was renamed is told under its new name."""
    conflict(container, update(f"uid=gone,{container.dn}", {"title": ([], "x")}), "does not exist any more")
    conflict(
        container,
        update(f"uid=gone,{container.dn}", {"uid": ("gone", "x")}, new_object=f"uid=x,{container.dn}"),
        "does not exist any more",
    )
    dn = container.add("uid=fry", title="Boy")
    identity = container.record(dn).values["entryUUID"][0]
    container.admin.rename_s(dn, "uid=philip", None)
    elsewhere = f"it is now uid=philip,{container.dn}"
    conflict(container, update(dn, {"title": ("Boy", "x")}, identity=identity), elsewhere)
    conflict(container, deletion(Record(dn, {"title": [b"Boy"]}), identity=identity), elsewhere)


def test_already_there(container: Container) -> None:
    """An object of the same name but with other values is not touched; nor is one that a rename would hit."""
    dn, other = container.add("uid=fry", title="Boy"), container.add("uid=leela")
    conflict(container, person(dn, title="Captain"), "exists already, with another title")
    change = update(other, {"uid": ("leela", "fry")}, new_object=dn)
    conflict(container, change, "an object of this name exists already")


def test_done_already(container: Container) -> None:
    """A change whose result is there already is found done, so that a repeated run ends well."""
    dn = container.add("uid=fry", title="Boy", cn="fry")
    endpoint = container.destination()
    assert write_one(endpoint, person(dn, title="BOY")).result is Result.FOUND_DONE
    assert write_one(endpoint, update(dn, {"title": ("Old", "Boy")})).result is Result.FOUND_DONE
    assert (
        write_one(endpoint, deletion(Record(f"uid=gone,{container.dn}", {"title": [b"x"]}))).result
        is Result.FOUND_DONE
    )


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"badge": "1"}, "badge: the directory's schema has no such attribute"),
        ({"c": "Earth"}, "c: a value does not have the form"),
        ({"preferredLanguage": ["de", "en"]}, "preferredLanguage: the attribute holds only one value"),
        ({"sn": []}, "sn: the object's classes demand a value for this attribute"),
        ({"uidNumber": "1"}, "the object would not fit its object classes"),
        ({"objectClass": "robot"}, "objectClass: a value does not have the form"),
        (
            {"entryUUID": "00000000-0000-1000-8000-000000000000"},
            "entryUUID: only the server itself sets this attribute",
        ),
        ({"manager": "not a dn"}, "manager: a value does not have the form"),
    ],
)
def test_refused_creation(container: Container, attributes: dict[str, str], words: str) -> None:
    """What the schema refuses: the message names connection, object, attribute and remedy, and holds the
    server's words.
    """
    dn = f"uid=fry,{container.dn}"
    change = person(dn, **attributes)
    outcome = write_one(
        container.destination(), change._replace(fields=tuple(field for field in change.fields if field.new))
    )
    assert outcome.result is Result.FAILED
    assert words in outcome.message
    assert "Server: " in outcome.message


def test_refused_update(container: Container) -> None:
    """Taking away what the classes demand, and a missing container, are told as such."""
    dn = container.add("uid=fry")
    endpoint = container.destination()
    assert (
        "sn: the object's classes demand a value"
        in write_one(endpoint, update(dn, {"sn": ("fry", [])})).message
    )
    homeless = write_one(endpoint, person(f"uid=x,ou=nowhere,{container.dn}"))
    assert "the container does not exist. Create it first" in homeless.message
    moved = Change(Action.MOVE, "fry", dn, new_object=f"uid=fry,ou=nowhere,{container.dn}")
    outcome = write_one(endpoint, moved)
    assert (outcome.result, f"the container ou=nowhere,{container.dn} does not exist" in outcome.message) == (
        Result.FAILED,
        True,
    )


def test_container_that_is_not_empty(container: Container) -> None:
    """A container with children is not deleted, and the message says why."""
    unit = container.add("ou=unit", objectClass="organizationalUnit")
    person_dn = f"uid=fry,{unit}"
    container.admin.add_s(person_dn, [("objectClass", b"inetOrgPerson"), ("cn", b"f"), ("sn", b"f")])
    outcome = write_one(container.destination(), deletion(Record(unit, {"ou": [b"unit"]})))
    assert (outcome.result, "there are objects below it" in outcome.message) == (Result.FAILED, True)


def test_insufficient_access(new_slapd: Callable[..., Slapd]) -> None:
    """A login without the right to write: the message names login's connection, object and remedy."""
    reader = f"uid=reader,ou=people,{SUFFIX}"
    text = directories.tree(SUFFIX, "people") + directories.ldif(
        (
            reader,
            {"objectClass": "inetOrgPerson", "uid": "reader", "cn": "r", "sn": "r", "userPassword": "secret"},
        )
    )
    slapd = new_slapd(
        Database(SUFFIX, lines=["access to attrs=userPassword by anonymous auth", "access to * by * read"]),
        ldif=text,
    )
    connection = replace(directories.slapd_connection(slapd), login=reader, password="secret")
    endpoint = directories.destination(connection, f"ou=people,{SUFFIX}")
    for change in (
        person(f"uid=x,ou=people,{SUFFIX}"),
        update(reader, {"title": ([], "x")}),
        deletion(Record(reader, {"cn": [b"r"]})),
    ):
        outcome = write_one(endpoint, change)
        assert outcome.result is Result.FAILED
        assert "the login may not do this. Grant the connection's login the right" in outcome.message
        assert "secret" not in outcome.message


def test_attribute_that_cannot_be_asserted(new_slapd: Callable[..., Slapd]) -> None:
    """Where the login may write but not compare an attribute, the conflict's message says what may be
    missing.
    """
    writer = f"uid=writer,ou=people,{SUFFIX}"
    text = directories.tree(SUFFIX, "people") + directories.ldif(
        (
            writer,
            {"objectClass": "inetOrgPerson", "uid": "writer", "cn": "r", "sn": "r", "userPassword": "secret"},
        )
    )
    access = [
        "access to attrs=userPassword by anonymous auth",
        "access to attrs=title by * =w",
        "access to * by * write",
    ]
    slapd = new_slapd(Database(SUFFIX, lines=access), ldif=text)
    connection = replace(
        directories.slapd_connection(slapd, assertion_control=True), login=writer, password="secret"
    )
    outcome = write_one(
        directories.destination(connection, f"ou=people,{SUFFIX}"), update(writer, {"title": ([], "x")})
    )
    assert outcome.result is Result.CONFLICT
    assert "may lack the right to search or compare" in outcome.message


def test_naming_value_must_not_go(container: Container) -> None:
    """A naming attribute that would lose its value is refused before anything is planned."""
    with pytest.raises(RecordError, match="uid: names the object and would lose its value"):
        container.destination().names.renamed(f"uid=fry,{container.dn}", {"UID": []})
