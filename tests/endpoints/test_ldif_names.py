"""From LDIF to LDIF: an entry is its DN, whatever its attributes repeat of it; what was copied once is
copied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.endpoints.change import Action
from directory_sync.plan.model import Plan
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.planning import actions

DATA = Path(__file__).parents[1] / "scenarios" / "data"
FIELDS: dict[str, Any] = {"dn": {"from": "dn", "key": True}, "ou": "ou", "cn": "cn", "sn": "sn", "uid": "uid"}


def ldif_job(folder: Path, content: str, fields: Any = FIELDS, **settings: Any) -> FileJob:
    """A job that copies entries."""
    given = {"object": "inetOrgPerson", "object_classes": ["top"], "missing_at_source": "delete", **settings}
    made = FileJob(folder, fields, "in.ldif", "out.ldif", given)
    made.write_source(content)
    return made


def names(text: str) -> list[str]:
    """The lines that name entries."""
    return [line for line in text.splitlines() if line.lower().startswith("dn:")]


def planned(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Object → field → new values."""
    return {
        change.object: {field.field: [value.decode() for value in field.new] for field in change.fields}
        for change in plan.changes
    }


UNITS = (
    "dn: ou=News,dc=x\nobjectClass: organizationalUnit\nou: Bookmarks\n\n"
    "dn: cn=feed,ou=News,dc=x\nobjectClass: device\ncn: feed\n\n"
)


def test_an_attribute_that_differs_from_the_name(tmp_path: Path) -> None:
    """The entry keeps its name, has both values, and is the same entry in every later run; the plan shows
    what is written.
    """
    job = ldif_job(tmp_path, UNITS)
    assert planned(job.run())["ou=News,dc=x"]["ou"] == ["Bookmarks", "News"]
    once = job.written
    assert names(once) == ["dn: ou=News,dc=x", "dn: cn=feed,ou=News,dc=x"]
    for _ in range(2):
        assert actions(job.run()) == []
        assert job.written == once
    job.write_source(UNITS.replace("ou: Bookmarks", "ou: Press"))
    assert planned(job.run()) == {"ou=News,dc=x": {"ou": ["News", "Press"]}}
    assert actions(job.run()) == []
    job.write_source(UNITS.replace("ou: Bookmarks\n", ""))
    assert planned(job.run()) == {"ou=News,dc=x": {"ou": ["News"]}}
    assert actions(job.run()) == []


@pytest.mark.parametrize(
    "entry",
    [
        "dn: uid=a,dc=x\ncn: A\nsn: A\n",
        "dn: UID=a, DC=x\ncn: A\nsn: A\n",
        "dn:: dWlkPWEsZGM9eA==\ncn: A\nsn: A\n",
        "dn: uid=a+cn=A,dc=x\nsn: A\n",
        "dn: cn=A+uid=a,dc=x\ncn: A\nsn: A\n",
        "dn: uid=a\\20b\\2c c,dc=x\ncn: A\nsn: A\n",
        "dn: uid=Amy  Wong,dc=x\nuid: amy wong\ncn: A\nsn: A\n",
        "dn: uid=a,dc=x\nuid: b\nuid: c\ncn: A\nsn: A\n",
        "dn: uid=\u00c4mie,dc=x\ncn: A\nsn: A\n",
        "dn: cn=,dc=x\ncn: A\nsn: A\n",
    ],
)
def test_an_entry_that_is_named_by_its_dn_only(tmp_path: Path, entry: str) -> None:
    """Created once, unchanged ever after: several naming values, other spellings, escapes, base64."""
    job = ldif_job(tmp_path, f"version: 1\n\n{entry}objectClass: inetOrgPerson\n\n")
    assert [action for action, _ in actions(job.run())] == ["create"]
    for _ in range(2):
        plan = job.run()
        assert (actions(plan), plan.problems) == ([], ())


def test_other_spellings_of_a_name_are_the_same_entry(tmp_path: Path) -> None:
    """Case, blanks, escapes and the order of a name's parts are no difference; two entries of one name are
    duplicates.
    """
    values = "sn: A\ncn: Am, y\nuid: a\n\n"
    job = ldif_job(tmp_path, f"dn: cn=Am\\2C y+uid=a,OU=p,dc=x\n{values}")
    job.run()
    for dn in ("UID=A + CN=am\\, Y , ou=P, DC=x", 'uid=a+cn="Am, y",ou=p,dc=x'):
        job.write_source(f"dn: {dn}\n{values}")
        assert actions(job.run()) == []
    job.write_source("dn: cn=a,dc=x\nsn: A\n\ndn: CN=A, DC=x\nsn: B\n\n")
    plan = job.plan()
    assert len(plan.problems) == 2
    assert "several source records have this key" in plan.problems[0].message


def test_a_key_that_stands_in_the_name_only(tmp_path: Path) -> None:
    """It is found there on both sides, also when the entry is changed and written again."""
    fields = {"uid": {"from": "uid", "key": True}, "dn": "dn", "sn": "sn"}
    job = ldif_job(tmp_path, "dn: uid=a,dc=x\nsn: A\n\n", fields)
    (tmp_path / "out.ldif").write_text("version: 1\n\ndn: uid=a,dc=x\nsn: old\n\n")
    assert actions(job.run()) == [("update", "a")]
    assert actions(job.run()) == []
    assert "sn: A" in job.written


def test_a_mapped_name_decides_alone(tmp_path: Path) -> None:
    """Only a changed `dn` renames; the values of the old name go and those of the new one come, as the plan
    says.
    """
    fields = {
        "id": {"from": "id", "key": True},
        "dn": "dn",
        "cn": {"from": "cn", "keep_if_empty": True},
        "sn": "sn",
    }
    job = ldif_job(tmp_path, "dn: cn=Old,dc=x\nid: 1\nsn: A\n\n", fields)
    job.run()
    job.write_source("dn: cn=New,dc=x\nid: 1\nsn: A\n\n")
    (change,) = job.run().changes
    assert (change.action, change.object, change.new_object) == (Action.UPDATE, "cn=Old,dc=x", "cn=New,dc=x")
    assert {field.field: (field.old, field.new) for field in change.fields} == {
        "dn": ((b"cn=Old,dc=x",), (b"cn=New,dc=x",)),
        "cn": ((b"Old",), (b"New",)),
    }
    assert job.written == "version: 1\n\ndn: cn=New,dc=x\nobjectClass: top\nid: 1\ncn: New\nsn: A\n\n"
    assert actions(job.run()) == []


def test_a_record_without_a_name(tmp_path: Path) -> None:
    """An entry cannot lose its name: the record is an error, and its entry stays."""
    fields = {"id": {"from": "id", "key": True}, "dn": {"from": "path"}, "sn": "sn"}
    job = ldif_job(tmp_path, "dn: cn=x\nid: 1\npath: cn=a,dc=x\nsn: A\n\n", fields)
    job.run()
    job.write_source("dn: cn=x\nid: 1\nsn: B\n\n")
    plan = job.plan()
    assert actions(plan) == []
    assert "the entry has no dn" in plan.problems[0].message


def test_a_container_that_is_renamed_with_all_that_is_in_it(tmp_path: Path) -> None:
    """In the source every entry below it has a new name too: nothing is an exchange of names, and nothing is
    created twice.
    """
    fields = {"id": {"from": "id", "key": True}, "dn": "dn", "sn": "sn"}
    tree = (
        "dn: ou=a,dc=x\nid: 0\n\ndn: cn=p,ou=a,dc=x\nid: 1\nsn: P\n\ndn: cn=q,cn=p,ou=a,dc=x\nid: 2\nsn:"
        " Q\n\n"
    )
    job = ldif_job(tmp_path, tree, fields)
    job.run()
    job.write_source(tree.replace("ou=a", "ou=b").replace("sn: Q", "sn: Q2"))
    plan = job.run()
    assert plan.problems == ()
    assert names(job.written) == ["dn: ou=b,dc=x", "dn: cn=p,ou=b,dc=x", "dn: cn=q,cn=p,ou=b,dc=x"]
    assert actions(job.run()) == []


def test_what_is_not_mapped_moves_along_with_its_container(tmp_path: Path) -> None:
    """An entry of the destination that the source does not know stays below the container that is renamed."""
    fields = {"id": {"from": "id", "key": True}, "dn": "dn"}
    job = ldif_job(
        tmp_path, "dn: ou=b,dc=x\nid: 0\n\ndn: cn=p,ou=b,dc=x\nid: 1\n\n", fields, missing_at_source="skip"
    )
    (tmp_path / "out.ldif").write_text(
        "dn: ou=a,dc=x\nid: 0\nou: a\n\ndn: cn=p,ou=a,dc=x\nid: 1\ncn: p\n\ndn: cn=r,ou=a,dc=x\nid: 9\ncn:"
        " r\n\n"
    )
    assert job.run().problems == ()
    assert sorted(names(job.written)) == ["dn: cn=p,ou=b,dc=x", "dn: cn=r,ou=b,dc=x", "dn: ou=b,dc=x"]
    assert actions(job.run()) == []


def test_the_file_of_a_real_directory_is_copied_once(tmp_path: Path) -> None:
    """Difficult names, several naming values: the second run finds nothing to change."""
    for name in ("sevenseas.ldif", "TestFixture.ldif"):
        folder = tmp_path / name
        folder.mkdir()
        fields = {
            "dn": {"from": "dn", "key": True},
            **{name: name for name in ("objectClass", "cn", "sn", "ou", "o", "uid", "dc")},
        }
        job = ldif_job(folder, (DATA / "sevenseas" / name).read_text(), fields, object_classes=None)
        assert job.run().problems == ()
        plan = job.run()
        assert (actions(plan), plan.problems) == ([], ())


# -- object classes ------------------------------------------------------------------------------------------

PERSON = (
    "dn: cn=A,dc=x\nobjectClass: top\nobjectClass: Person\ncn: A\nsn: A\n\ndn: cn=B,dc=x\ncn: B\nsn: B\n\n"
)
WITH_CLASSES: dict[str, Any] = {
    "dn": {"from": "dn", "key": True},
    "objectClass": "objectClass",
    "cn": "cn",
    "sn": "sn",
}


@pytest.mark.parametrize("object_classes", [None, ["top", "account"]])
def test_object_classes_that_are_mapped(tmp_path: Path, object_classes: list[str] | None) -> None:
    """The record's classes are planned once, and are what is written; a record without any gets those of the
    job.
    """
    job = ldif_job(tmp_path, PERSON, WITH_CLASSES, object_classes=object_classes)
    plan = job.run()
    usual = object_classes or ["top", "person", "organizationalPerson", "inetOrgPerson"]
    assert {dn: held["objectClass"] for dn, held in planned(plan).items()} == {
        "cn=A,dc=x": ["Person", "top"],
        "cn=B,dc=x": usual,
    }
    for change in plan.changes:
        assert change.fields[0].field == "objectClass"
        assert len({field.field for field in change.fields}) == len(change.fields)
        added = change.fields[0].new
        assert all(f"objectClass: {value.decode()}\n" in job.written for value in added)
    assert actions(job.run()) == []
    job.write_source(PERSON.replace("Person", "person"))
    assert actions(job.run()) == []
    job.write_source(PERSON.replace("Person", "device"))
    assert planned(job.run()) == {"cn=A,dc=x": {"objectClass": ["device", "top"]}}
