"""What operations a change becomes, and what they assert."""

from __future__ import annotations

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.ldap.ldif import render
from directory_sync.endpoints.ldap.operations import (
    Add,
    Delete,
    Modification,
    Modify,
    Operations,
    Rename,
    operations,
)
from directory_sync.endpoints.ldap.progress import Seen, judge
from tests.scenarios.directories import creation, update
from tests.scenarios.schemas import small_schema

SCHEMA = small_schema()
UUID = b"0e0e0e0e-0000-1000-8000-000000000000"


def translated(change: Change, *, assertion: bool = True) -> Operations:
    return operations(change, SCHEMA, assertion=assertion, identity_field="entryUUID")


def test_naming_values_are_added() -> None:
    """A new object holds the values of its own name, in the spelling of the field if it has the value."""
    (add,) = translated(creation("cn=Fry+uid=fry,dc=x", sn="s", commonName="FRY")).main
    assert add == Add(
        "cn=Fry+uid=fry,dc=x",
        (
            ("objectClass", (b"inetOrgPerson",)),
            ("sn", (b"s",)),
            ("commonName", (b"FRY",)),
            ("uid", (b"fry",)),
        ),
    )


def test_rename_comes_first() -> None:
    """What the rename itself does is not done again; what was seen is asserted before the first step."""
    change = update(
        "cn=a,dc=x",
        {"cn": (["a", "b"], ["c", "b"]), "mail": ("o@x", "n@x")},
        new_object="cn=c,ou=y,dc=x",
        identity=UUID,
    )
    rename, modify = translated(change).main
    assert rename == Rename(
        "cn=a,dc=x",
        "cn=c",
        "ou=y,dc=x",
        "cn=c,ou=y,dc=x",
        rename.assertion if isinstance(rename, Rename) else None,
    )
    assert isinstance(rename, Rename)
    assert rename.assertion == f"(&(entryUUID={UUID.decode()})(cn=a)(cn=b)(mail=o@x))"
    assert modify == Modify(
        "cn=c,ou=y,dc=x",
        (Modification("delete", "mail", (b"o@x",)), Modification("add", "mail", (b"n@x",))),
        f"(&(entryUUID={UUID.decode()})(cn=b)(cn=c))",
    )


def test_rename_in_place() -> None:
    """Without a new container there is no newSuperior, however the container is spelled."""
    (rename,) = translated(
        Change(Action.UPDATE, "a", "cn=a,OU=X,dc=y", new_object="cn=b,ou=x, dc=y"), assertion=False
    ).main
    assert rename == Rename("cn=a,OU=X,dc=y", "cn=b", None, "cn=b,ou=x, dc=y")


def test_assertions() -> None:
    """Absence and values that stay are asserted; removed values are their own proof; passwords and photos
    cannot be asked for.
    """
    change = update(
        "cn=a,dc=x", {"mail": ([], "n@x"), "sn": (["s", "t"], ["s"]), "userPassword": ("old", "new")}
    )
    change = change._replace(
        fields=(*change.fields, FieldChange("jpegPhoto", (b"p",), (b"q",), replace=True))
    )
    (modify,) = translated(change).main
    assert isinstance(modify, Modify)
    assert modify.assertion == "(&(!(mail=*))(sn=s)(jpegPhoto=*))"
    assert Modification("replace", "userPassword", (b"new",)) in modify.modifications
    assert Modification("replace", "jpegPhoto", (b"q",)) in modify.modifications
    members = FieldChange("member", (b"cn=a",), (b"cn=b",), partial=True)
    (modify,) = translated(Change(Action.UPDATE, "g", "cn=g,dc=x", fields=(members,))).main
    assert isinstance(modify, Modify)
    assert modify.assertion is None


def test_deletion_asserts_all_that_was_seen() -> None:
    """A deletion goes through only if the object still is what was seen, also where it had no value."""
    fields = (
        FieldChange("mail", (b"a*b",), ()),
        FieldChange("sn", (), ()),
        FieldChange("jpegPhoto", (b"\xff",), ()),
    )
    assert translated(Change(Action.DELETE, "a", "cn=a,dc=x", fields=fields)).main == (
        Delete("cn=a,dc=x", "(&(mail=a\\2ab)(!(sn=*))(jpegPhoto=*))"),
    )


def test_late_values() -> None:
    """Late values come in an operation of their own, unless the object cannot be without them."""
    person = creation("cn=a,dc=x", cn="a", sn="s")
    person = person._replace(fields=(*person.fields, FieldChange("manager", (), (b"cn=b,dc=x",), late=True)))
    assert translated(person).late == (
        Modify("cn=a,dc=x", (Modification("add", "manager", (b"cn=b,dc=x",)),)),
    )
    group = creation("cn=g,dc=x", objectClass="groupOfNames", cn="g")
    group = group._replace(fields=(*group.fields, FieldChange("member", (), (b"cn=b,dc=x",), late=True)))
    assert translated(group).late == ()


def test_ldif() -> None:
    """Each operation is a change record of RFC 2849, in the order in which it is sent."""
    change = update("cn=ä,dc=x", {"cn": ("ä", "b"), "mail": ([], "n@x")}, new_object="cn=b,ou= y,dc=x")
    text = render(translated(change, assertion=False).main)
    assert text == (
        "dn:: Y249w6QsZGM9eA==\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: ou="
        " y,dc=x\n\ndn: cn=b,ou= y,dc=x\nchangetype: modify\nadd: mail\nmail: n@x\n-\n\n"
    )
    assert render([Delete("cn=a,dc=x")]) == "dn: cn=a,dc=x\nchangetype: delete\n\n"


def test_progress_of_a_password_alone() -> None:
    """Nobody can see whether a password was written, so it is written again; that does no harm."""
    change = update("cn=a,dc=x", {"userPassword": ([], "new")})
    planned = translated(change)
    assert judge(change, planned, SCHEMA, Seen("cn=a,dc=x", {})).remaining == planned
    change = update("cn=a,dc=x", {"userPassword": ([], "new"), "mail": ("o@x", "n@x")})
    assert judge(change, translated(change), SCHEMA, Seen("cn=a,dc=x", {"mail": [b"N@X"]})).done


def test_progress_between_rename_and_values() -> None:
    """After the rename only the values are left; before it, everything; with other values it is a
    conflict.
    """
    change = update("cn=a,dc=x", {"cn": ("a", "b"), "mail": ("o@x", "n@x")}, new_object="cn=b,dc=x")
    planned = translated(change)
    before = judge(change, planned, SCHEMA, Seen("cn=a,dc=x", {"cn": [b"a"], "mail": [b"o@x"]}))
    half = judge(change, planned, SCHEMA, Seen("CN=B,dc=x", {"cn": [b"b"], "mail": [b"o@x"]}))
    done = judge(change, planned, SCHEMA, Seen("cn=b,dc=x", {"cn": [b"b"], "mail": [b"n@x"]}))
    other = judge(change, planned, SCHEMA, Seen("cn=b,dc=x", {"cn": [b"b"], "mail": [b"z@x"]}))
    assert before.remaining == planned
    assert half.remaining.main == planned.main[1:]
    assert done.done
    assert other.conflict.startswith("mail is not as it was")
    assert judge(change, planned, SCHEMA, None).conflict.startswith("the object does not exist any more")
