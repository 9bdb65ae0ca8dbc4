"""What an object tells of a change that nobody has recorded: done, not done, or neither, and then why."""

from __future__ import annotations

import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Result
from directory_sync.endpoints.ldap.findings import Finding, find
from directory_sync.endpoints.ldap.operations import operations
from directory_sync.endpoints.ldap.progress import Known, Seen
from tests.scenarios.directories import creation, update
from tests.scenarios.schemas import small_schema

SCHEMA = small_schema()
UUID = b"0e0e0e0e-0000-1000-8000-000000000000"
DN = "cn=a,dc=x"


def found(
    change: Change,
    dn: str | None = DN,
    *,
    elsewhere: str | None = None,
    known: Known = Known(),  # noqa: B008
    **held: str,
) -> Finding:
    """What an object with these values, each text split at commas with a blank, tells of a change."""
    planned = operations(change, SCHEMA, assertion=False, identity_field="entryUUID")
    attributes = {name: [value.encode() for value in text.split(" | ")] for name, text in held.items()}
    seen = None if dn is None else Seen(dn, attributes)
    return find(
        change,
        planned,
        SCHEMA,
        seen,
        elsewhere=elsewhere,
        known=known,
        identified=change.identity is not None,
    )


def test_creations() -> None:
    """An object with the values that it was to get is done, one with others is neither; no object is not
    done.
    """
    change = creation(DN, cn="a", sn="S", mail="a@x")
    objectclass = {"objectClass": "inetOrgPerson | top | person"}
    assert (
        found(change, **objectclass, cn="a", sn="S", mail="a@x", description="more").result
        is Result.FOUND_DONE
    )
    assert found(change, None).result is Result.NOT_DONE
    other = found(change, **objectclass, cn="a", sn="T", mail="a@x")
    assert other.result is Result.UNCERTAIN
    assert "another sn" in other.text


@pytest.mark.parametrize("spelling", [{"sn": "s"}, {"sn": "S  "}, {"cn": "A"}, {"mail": "A@X"}])
def test_what_the_server_makes_of_values(spelling: dict[str, str]) -> None:
    """Values that only reflect how a server compares and stores are no difference."""
    change = creation(DN, cn="a", sn="S", mail="a@x")
    held = {"objectClass": "inetOrgPerson", "cn": "a", "sn": "S", "mail": "a@x"} | spelling
    assert found(change, **held).result is Result.FOUND_DONE


def test_updates() -> None:
    """The new values are done, the old ones not done, others neither, and the text names the field."""
    change = update(DN, {"mail": ("o@x", "n@x"), "sn": ("s", "t")})
    assert found(change, mail="n@x", sn="t").result is Result.FOUND_DONE
    assert found(change, mail="o@x", sn="s").result is Result.NOT_DONE
    third = found(change, mail="n@x", sn="u")
    assert (third.result, "sn" in third.text) == (Result.UNCERTAIN, True)
    assert found(change, None).text == "the object does not exist any more"
    assert found(change, None).result is Result.UNCERTAIN


def test_deletions() -> None:
    """Gone by name and by identity is done; an object that is there, altered or elsewhere, was not
    deleted.
    """
    change = Change(Action.DELETE, "a", DN, identity=UUID, fields=(FieldChange("mail", (b"a@x",), ()),))
    assert found(change, None).result is Result.FOUND_DONE
    assert found(change, None, elsewhere="").result is Result.FOUND_DONE
    assert found(change, mail="other@x").result is Result.NOT_DONE
    moved = found(change, None, elsewhere="cn=a,ou=new,dc=x")
    assert (moved.result, "ou=new" in moved.text) == (Result.NOT_DONE, True)
    # Where nothing names objects permanently it may have been renamed.
    assert found(change._replace(identity=None), None).result is Result.UNCERTAIN


def test_moves() -> None:
    """A move that was half written, or is now at a third place, says so."""
    new = "cn=a,ou=y,dc=x"
    change = update(DN, {"mail": ("o@x", "n@x")}, new_object=new, identity=UUID)
    assert found(change, new, cn="a", mail="n@x").result is Result.FOUND_DONE
    assert found(change, DN, cn="a", mail="o@x").result is Result.NOT_DONE
    half = found(change, new, cn="a", mail="o@x")
    assert (half.result, "in part" in half.text) == (Result.UNCERTAIN, True)
    away = found(change, None, elsewhere="cn=a,ou=z,dc=x")
    assert (away.result, "ou=z" in away.text) == (Result.UNCERTAIN, True)


def test_values_that_nobody_can_read() -> None:
    """A password alone tells nothing; one that was written with other values, in one operation, goes with
    those.
    """
    password = FieldChange("userPassword", (), (b"secret",))
    alone = found(Change(Action.UPDATE, "a", DN, fields=(password,)))
    assert alone.result is Result.UNCERTAIN
    assert "userPassword" in alone.text
    assert "secret" not in alone.text
    both = update(DN, {"mail": ("o@x", "n@x")})
    both = both._replace(fields=(*both.fields, password))
    assert found(both, mail="n@x").result is Result.FOUND_DONE
    assert found(both, mail="o@x").result is Result.NOT_DONE
    created = creation(DN, cn="a", sn="S")
    created = created._replace(fields=(*created.fields, password))
    assert found(created, objectClass="inetOrgPerson", cn="a", sn="S").result is Result.FOUND_DONE


def test_members() -> None:
    """Members come and go one by one: all as wanted is done, none is not done, and some is neither."""
    fields = (FieldChange("member", (b"cn=b,dc=x",), (b"cn=c,dc=x", b"cn=d,dc=x"), partial=True),)
    change = Change(Action.UPDATE, "g", DN, fields=fields)
    assert found(change, member="cn=e,dc=x | CN=c, DC=x | cn=d,dc=x").result is Result.FOUND_DONE
    assert found(change, member="cn=b,dc=x | cn=e,dc=x").result is Result.NOT_DONE
    assert found(change, member="cn=c,dc=x | cn=e,dc=x").result is Result.UNCERTAIN


def test_references_that_followed() -> None:
    """A manager who was renamed or deleted by the same plan took the value along: the server did that, nobody
    else.
    """
    fields = (FieldChange("manager", (b"cn=b,dc=x",), (b"cn=c,dc=x",)),)
    change = Change(Action.UPDATE, "a", DN, fields=fields)
    puzzling = found(change, manager="cn=bb,dc=x")
    assert (puzzling.result, puzzling.by_references) == (Result.UNCERTAIN, True)
    assert (
        found(change, manager="cn=bb,dc=x", known=Known({b"cn=b,dc=x": b"cn=bb,dc=x"})).result
        is Result.NOT_DONE
    )
    gone = Change(Action.UPDATE, "a", DN, fields=(FieldChange("manager", (b"cn=b,dc=x",), ()),))
    assert found(gone).result is Result.FOUND_DONE
