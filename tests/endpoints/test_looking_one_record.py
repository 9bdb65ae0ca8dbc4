"""One record on its way through a job, and examples of a field: what they say is what a run would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.export import complete
from directory_sync.definition.models import Collection
from directory_sync.errors import DirectorySyncError, EndpointError, LookError, RulesBroken
from directory_sync.looking import answering
from directory_sync.looking.answers import ANSWER, Examples, Outcome, TriedRecord
from directory_sync.rights.connection_rules import ConnectionRules
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.looks import given, question

SECRET = "never-to-be-seen"
FIELDS: dict[str, Any] = {
    "cn": {"from": "name", "key": True},
    "sn": {"template": "{{ name|upper }}"},
    "description": {"join": ["note", "city"], "separator": ", "},
    "employeeNumber": {"from": "pin", "secret": False},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with staff."""
    (tmp_path / "staff.csv").write_text(
        "name,note,city,pin,active\nann,hello,Köln,1,yes\nbob,,Bonn,2,yes\ncarl,,,3,no\nann2,x,y,4,yes\n",
        encoding="utf-8",
    )
    return tmp_path


def definition(container: Container, **job: Any) -> dict[str, Any]:
    """A job from the file into the container."""
    one = {
        "name": "people",
        "object": "user",
        "source": {"file": "staff.csv", "filter": "(&(active=yes)(name=*))"},
        "destination": {"connection": "lab", "container": container.dn},
        "fields": FIELDS,
        "missing_at_source": "delete",
        **job,
    }
    return complete(Collection.model_validate({"name": "staff", "jobs": [one]}))


def look(container: Container, folder: Path, kind: str, definition: dict[str, Any], **asked: Any) -> Any:
    """What is found. Nothing secret is in it, and nothing was written."""
    connection = directories.slapd_connection(container.slapd)
    before = everything(container)
    found = answering.answer(
        question(kind, collection=definition, job="people", destination_connection="lab", **asked),
        given(connection, folder=folder),
    )
    assert SECRET.encode() not in ANSWER.dump_json(found)
    assert everything(container) == before
    return found


def everything(container: Container) -> Any:
    return sorted(container.admin.search_s(container.dn, 2))


def tried(
    container: Container, folder: Path, value: str, definition: dict[str, Any], field: str = "name"
) -> TriedRecord:
    found = look(container, folder, "record", definition, field=field, value=value)
    assert isinstance(found, TriedRecord)
    return found


def add(container: Container, name: str, **values: Any) -> None:
    attributes = {"objectClass": "inetOrgPerson", "cn": name, "sn": name.upper(), **values}
    container.admin.add_s(
        f"cn={name},{container.dn}",
        [(each, list(directories.as_bytes(held))) for each, held in attributes.items()],
    )


def test_a_record_without_an_object_is_created(container: Container, folder: Path) -> None:
    """All five steps, with what each field is made of."""
    found = tried(container, folder, "ann", definition(container))
    assert (found.found, found.id, found.outcome) == (1, "line 2", Outcome.CREATE)
    assert [(each.text, each.met) for each in found.conditions] == [
        ("(active=yes)", True),
        ("(name=*)", True),
    ]
    fields = {each.name: each for each in found.mapped}
    assert [value.text for value in fields["sn"].result] == ["ANN"]
    assert fields["description"].expression == "join: [note, city]"
    assert {name: values[0].text for name, values in fields["description"].inputs.items()} == {
        "note": "hello",
        "city": "Köln",
    }
    assert found.matched == ()
    assert found.changes[0].startswith(f"Would create cn=ann,{container.dn}")


def test_a_record_with_an_object_is_matched(container: Container, folder: Path) -> None:
    """Changed where it differs, else left alone; nothing is told of others, whatever would happen to them."""
    add(container, "ann", description="old", employeeNumber="1")
    add(container, "bob", description="Bonn", employeeNumber="2")
    add(container, "zoe")
    found = tried(container, folder, "ann", definition(container, remove="all"))
    assert (found.outcome, found.matched) == (Outcome.UPDATE, (f"cn=ann,{container.dn}",))
    assert "description: old → hello, Köln" in found.changes[0]
    assert len(found.changes) == 1
    same = tried(container, folder, "bob", definition(container, remove="all"))
    assert (same.outcome, same.matched, same.changes) == (Outcome.UNCHANGED, (f"cn=bob,{container.dn}",), ())


def test_a_record_out_of_scope_or_not_there(container: Container, folder: Path) -> None:
    """Which condition it does not meet is told."""
    found = tried(container, folder, "carl", definition(container))
    assert found.outcome is Outcome.OUT_OF_SCOPE
    assert [each.met for each in found.conditions] == [False, True]
    assert tried(container, folder, "no one", definition(container)).outcome is Outcome.NOT_FOUND
    assert tried(container, folder, "*", definition(container)).outcome is Outcome.NOT_FOUND
    assert tried(container, folder, "a*)(name=*", definition(container)).outcome is Outcome.NOT_FOUND


def test_others_with_the_value_are_not_told_of(container: Container, folder: Path) -> None:
    """What would happen is about the record that is shown, however many have what was looked for."""
    add(container, "ann", sn="ANN", description="hello, Köln", employeeNumber="1")
    add(container, "ann2", sn="old")
    found = tried(container, folder, "yes", definition(container), field="active")
    assert (found.found, found.id) == (3, "line 2")
    assert (found.outcome, found.changes, found.matched) == (
        Outcome.UNCHANGED,
        (),
        (f"cn=ann,{container.dn}",),
    )


@pytest.mark.parametrize(
    ("key", "name"), [("cn", "name"), ("cn", {"template": "{{ name|lower }}"}), ("employeeNumber", "name")]
)
def test_a_second_record_of_one_key_or_name_is_told(
    container: Container, folder: Path, key: str, name: Any
) -> None:
    """A run takes neither of them, whichever of their values one was looked for by."""
    (folder / "staff.csv").write_text(
        "name,note,city,pin,active\nann,a,,1,yes\nANN,b,,2,yes\nann,c,,3,no\nbob,d,,4,yes\n",
        encoding="utf-8",
    )
    fields: dict[str, Any] = {
        "cn": name if isinstance(name, dict) else {"from": name},
        "sn": "note",
        "employeeNumber": {"from": "pin"},
    }
    fields[key] = {**fields[key], "key": True}
    for pin in ("1", "2"):
        found = tried(container, folder, pin, definition(container, fields=fields), field="pin")
        assert (found.found, found.outcome, found.changes) == (1, Outcome.FAILED, ())
        assert len(found.problems) == 1
    alone = tried(container, folder, "4", definition(container, fields=fields), field="pin")
    assert alone.outcome is Outcome.CREATE


def test_what_fails_says_why(container: Container, folder: Path) -> None:
    """In the words of a run; the other fields are shown all the same."""
    fields = {**FIELDS, "title": {"left": "note", "length": 3, "on_missing": "fail"}}
    found = tried(container, folder, "bob", definition(container, fields=fields))
    assert found.outcome is Outcome.FAILED
    assert "note has no value" in found.problems[0]
    treated = {each.name: each.treatment.value for each in found.mapped}
    assert (treated["title"], treated["sn"]) == ("fails", "computed")
    skipped = {**fields, "title": {"left": "note", "length": 3, "on_missing": "skip"}}
    assert tried(container, folder, "bob", definition(container, fields=skipped)).outcome is Outcome.SKIPPED


def test_secrets_are_neither_shown_nor_asked_for(container: Container, folder: Path) -> None:
    """By value or by looking for them."""
    with pytest.raises(LookError, match="holds secrets"):
        tried(container, folder, "x", definition(container), field="Password")
    fields = {**FIELDS, "userPassword": {"from": "pin"}}
    with pytest.raises(DirectorySyncError):
        tried(container, folder, "ann", definition(container, fields=fields))


@pytest.mark.parametrize(
    "field",
    [
        "name>",
        "name<",
        "name~",
        "name:",
        "name:caseExactMatch:",
        "name=a*)(name",
        "name;x>",
        "(name",
        "*",
        "no",
    ],
)
def test_a_field_is_a_name_and_never_a_part_of_a_filter(
    container: Container, folder: Path, field: str
) -> None:
    """An operator in it would compare in another way than the page says, with whatever it likes."""
    with pytest.raises((LookError, EndpointError)):
        tried(container, folder, "ann", definition(container), field=field)
    source = {"connection": "lab", "container": container.dn, "filter": "(cn=*)"}
    asked = {"source_connection": "lab", "value": "x"}
    for hostile in (field.replace("name", "cn"), field.replace("name", "userPassword")):
        with pytest.raises((LookError, EndpointError)):
            look(container, folder, "record", definition(container, source=source), field=hostile, **asked)


def test_a_record_without_a_key_reads_no_object(container: Container, folder: Path) -> None:
    """Nothing can match it, however many objects there are; why it fails is told."""
    add(container, "ann")
    fields = {"cn": {"from": "note", "key": True}, "sn": "name"}
    found = tried(container, folder, "bob", definition(container, fields=fields))
    assert (found.outcome, found.matched) == (Outcome.FAILED, ())
    assert found.problems


def test_a_job_that_breaks_a_rule_is_not_tried(container: Container, folder: Path) -> None:
    """A field that is never written has other names, which only the directory knows: a run refuses it too."""
    rules = ConnectionRules.model_validate(
        {"connections": {"lab": {"destination": {"never_write": ["telephoneNumber"]}}}}
    )
    fields = {**FIELDS, "2.5.4.20": "pin"}
    made = definition(container, fields=fields)
    with pytest.raises(RulesBroken):
        answering.answer(
            question(
                "record",
                collection=made,
                job="people",
                destination_connection="lab",
                field="name",
                value="ann",
            ),
            given(directories.slapd_connection(container.slapd), folder=folder, connection_rules=rules),
        )


def test_an_example_shows_records_and_one_without_input(container: Container, folder: Path) -> None:
    """Results as a run has them."""
    found = look(container, folder, "example", definition(container), destination_field="description")
    assert isinstance(found, Examples)
    results = [[value.text for value in field.result] for _, field in found.rows]
    assert results == [["hello, Köln"], ["x, y"], ["Bonn"]]
    fields = {**FIELDS, "sn": {"left": "name", "length": 2, "on_missing": "fail"}}
    lacking = look(container, folder, "example", definition(container, fields=fields), destination_field="sn")
    id, last = lacking.rows[-1]
    assert (id, last.treatment.value) == ("", "fails")
    with pytest.raises(LookError, match="not mapped"):
        look(container, folder, "example", definition(container), destination_field="gone")


def test_an_example_is_what_the_destination_can_hold(container: Container, folder: Path) -> None:
    """One value where that holds one: a delimiter joins there, and splits elsewhere."""
    (folder / "staff.csv").write_text("name,note,active\nann,x;y,yes\n", encoding="utf-8")
    base: dict[str, Any] = {"cn": {"from": "name", "key": True}, "sn": "name"}
    for field, wanted in (("employeeNumber", ["x;y"]), ("description", ["x", "y"])):
        fields = {**base, field: {"from": "note", "delimiter": ";"}}
        made = definition(container, fields=fields)
        found = look(container, folder, "example", made, destination_field=field)
        assert [value.text for value in found.rows[0][1].result] == wanted
        tried_field = tried(container, folder, "ann", made).mapped[-1]
        assert [value.text for value in tried_field.result] == wanted


def test_a_field_that_is_spelled_in_two_ways_is_one(container: Container, folder: Path) -> None:
    """What is shown as mapped is what would be written."""
    fields = {"cn": {"from": "NAME", "key": True}, "sn": {"left": "name", "length": 2}}
    found = tried(container, folder, "ann", definition(container, fields=fields))
    assert [value.text for value in found.mapped[1].result] == ["an"]
    assert "sn: an" in found.changes[0]


def test_a_record_of_a_directory(container: Container, folder: Path) -> None:
    """From one container into another of the same server."""
    for unit in ("from", "to"):
        container.admin.add_s(f"ou={unit},{container.dn}", [("objectClass", b"organizationalUnit")])
    container.admin.add_s(
        f"cn=dora,ou=from,{container.dn}",
        [("objectClass", b"inetOrgPerson"), ("sn", b"D"), ("userPassword", SECRET.encode())],
    )
    made = definition(
        container,
        source={
            "connection": "lab",
            "container": f"ou=from,{container.dn}",
            "filter": "(objectClass=person)",
        },
        destination={"connection": "lab", "container": f"ou=to,{container.dn}"},
        fields={"cn": {"from": "cn", "key": True}, "sn": "sn"},
    )
    connection = directories.slapd_connection(container.slapd)
    found = answering.answer(
        question(
            "record", collection=made, job="people", source_connection="lab", destination_connection="lab",
            field="cn", value="DORA",
        ),
        given(connection, folder=folder),
    )  # fmt: skip
    assert isinstance(found, TriedRecord)
    assert (found.found, found.outcome) == (1, Outcome.CREATE)
    assert [each.met for each in found.conditions] == [True]
