"""Jobs from files and into files: what is wrong with a file deletes nothing, and members are found across
kinds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection, FileEndpoint
from directory_sync.errors import IncompleteListing
from directory_sync.plan.model import Plan
from tests.scenarios.files import file_destination, file_source
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import actions, carry_out, destination_of, one_job, plan_of

STAFF = {"uid": {"from": "id", "key": True}, "cn": "name"}
GROUP = {
    "uid": {"from": "id", "key": True},
    "cn": "name",
    "member": {"members": "who", "match": "uid", "delimiter": ";"},
}


def planned(
    folder: Path, name: str, content: str, fields: Any, destination: MemoryDirectory, **job: Any
) -> Plan:
    """The plan of a job from a file with this content."""
    (folder / name).write_text(content)
    source = file_source(FileEndpoint(file=name), folder)
    return plan_of(one_job(fields, source={"file": name}, **job), source, destination)


def test_a_broken_row_blocks_removals_and_the_others_go_on(tmp_path: Path) -> None:
    """Which row it was to be cannot be told, so no object is deleted; new and changed rows are carried
    out.
    """
    destination = destination_of(A={"uid": "1"}, B={"uid": "2"})
    plan = planned(
        tmp_path, "s.csv", "id,name\n1,A2\n2\n3,C\n", STAFF, destination, missing_at_source="delete"
    )
    assert actions(plan) == [("create", "3"), ("update", "1")]
    assert "line 3" in plan.problems[0].message
    assert any("nothing is deleted" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    "content", ["", 'id,name\n1,"A\n', "id,name\n1,A\n2"], ids=["empty", "open quote", "cut off"]
)
def test_a_file_that_is_not_whole_gives_no_plan(tmp_path: Path, content: str) -> None:
    """Absence is concluded from a whole file only."""
    with pytest.raises(IncompleteListing):
        planned(tmp_path, "s.csv", content, STAFF, destination_of(A={"uid": "1"}), missing_at_source="delete")


def test_members_come_from_a_column_with_a_delimiter(tmp_path: Path) -> None:
    """User names in one cell are members by their key; one that is not found blocks removals."""
    destination = destination_of(
        {f"cn=P{i},dc=y": {"uid": f"p{i}"} for i in range(4)}, G={"uid": "g", "member": "cn=P3,dc=y"}
    )
    (change,) = planned(tmp_path, "g.csv", "id,name,who\ng,G,p1; P2\n", GROUP, destination).changes
    assert (change.fields[0].old, change.fields[0].new) == ((b"cn=P3,dc=y",), (b"cn=P1,dc=y", b"cn=P2,dc=y"))
    (change,) = planned(tmp_path, "g.csv", "id,name,who\ng,G,p1;nobody\n", GROUP, destination).changes
    assert (change.fields[0].old, change.fields[0].new) == ((), (b"cn=P1,dc=y",))


LDIF = """version: 1
dn: cn=One,dc=old
uid: p1
cn: One

dn: cn=Crew,dc=old
uid: g
cn: Crew
member: CN=One, DC=old

"""


def test_members_of_an_ldif_group_are_its_entries(tmp_path: Path) -> None:
    """An export names members by their DN: they are found by the match field of the entry that is meant, in
    any spelling.
    """
    fields = {
        "uid": {"from": "uid", "key": True},
        "cn": "cn",
        "member": {"members": "member", "match": "uid"},
    }
    destination = destination_of({"cn=P1,dc=y": {"uid": "p1"}}, Crew={"uid": "g"}, One={"uid": "p1"})
    del destination.entries["cn=P1,dc=y"]
    (change,) = planned(tmp_path, "g.ldif", LDIF, fields, destination).changes
    assert (change.key, change.fields[0].new) == ("g", (b"cn=One,dc=x",))


def test_a_broken_ldif_entry_protects_what_it_may_stand_for(tmp_path: Path) -> None:
    """With a key that can be read only its own object, without one all."""
    destination = destination_of(One={"uid": "p1"}, Crew={"uid": "g"}, Two={"uid": "p2"})
    fields = {"uid": {"from": "uid", "key": True}, "cn": "cn"}
    broken = LDIF.replace("cn: Crew", "cn:: !")
    assert actions(planned(tmp_path, "s.ldif", broken, fields, destination, missing_at_source="delete")) == [
        ("delete", "p2")
    ]
    broken = LDIF.replace("uid: g", "uid:: !")
    assert actions(planned(tmp_path, "s.ldif", broken, fields, destination, missing_at_source="delete")) == []


def into_file(folder: Path, name: str, fields: Any, *records: dict[str, Any], **job: Any) -> tuple[Plan, Any]:
    definition: Collection = one_job(fields, destination={}, **job)
    one = definition.jobs[0].model_copy(update={"destination": FileEndpoint(file=name)})
    definition = definition.model_copy(update={"jobs": [one]})
    destination = file_destination(
        FileEndpoint(file=name),
        folder,
        keys=one.keys,
        fields=tuple(one.fields),
        naming_attribute=one.naming_attribute,
    )
    entries = {
        f"n={i},dc=s": {k: [v.encode()] for k, v in record.items()} for i, record in enumerate(records)
    }
    return plan_of(definition, MemoryDirectory(entries, base="dc=s", name="source"), destination), destination


def test_a_csv_file_with_two_keys_is_kept_in_step(tmp_path: Path) -> None:
    """Keys with commas do not run into each other; rows come, change and go, and the next plan is empty."""
    fields = {"site": {"from": "site", "key": True}, "id": {"from": "id", "key": True}, "name": "name"}
    (tmp_path / "out.csv").write_bytes(
        b'site,id,name,extra\r\n"a,b",c,Old,keep\r\na,"b,c",Gone,\r\nx,y,Same,\r\n'
    )
    records = (
        {"site": "a,b", "id": "c", "name": "New"},
        {"site": "x", "id": "y", "name": "Same"},
        {"site": "n", "id": "1", "name": "N"},
    )
    plan, destination = into_file(tmp_path, "out.csv", fields, *records, missing_at_source="delete")
    assert sorted(actions(plan)) == [("create", "n + 1"), ("delete", "a + b,c"), ("update", "a,b + c")]
    assert carry_out(plan, destination) == []
    assert (
        tmp_path / "out.csv"
    ).read_bytes().decode() == 'site,id,name,extra\r\n"a,b",c,New,keep\r\nx,y,Same,\r\nn,1,N,\r\n'
    again, _ = into_file(tmp_path, "out.csv", fields, *records, missing_at_source="delete")
    assert actions(again) == []


def test_rows_with_one_key_are_left_alone(tmp_path: Path) -> None:
    """Two rows with the record's key: neither is changed or deleted, and the record says so."""
    fields = {"id": {"from": "id", "key": True}, "name": "name"}
    (tmp_path / "out.csv").write_text("id,name\n1,A\n1,B\n2,C\n")
    plan, _ = into_file(tmp_path, "out.csv", fields, {"id": "1", "name": "X"}, missing_at_source="delete")
    assert actions(plan) == [("delete", "2")]
    assert "several objects" in plan.problems[0].message


def test_an_ldif_file_is_kept_in_step(tmp_path: Path) -> None:
    """Entries are created, renamed by a mapped dn, changed and deleted; then the plan is empty."""
    fields = {
        "uid": {"from": "uid", "key": True},
        "dn": {"template": "cn={{ cn }},dc=x"},
        "cn": "cn",
        "mail": "mail",
    }
    (tmp_path / "out.ldif").write_text(
        "version: 1\ndn: cn=Old,dc=x\nuid: 1\ncn: Old\nsn: kept\n\ndn: cn=Gone,dc=x\nuid: 9\ncn: Gone\n\n"
    )
    records = ({"uid": "1", "cn": "New", "mail": "n@x"}, {"uid": "2", "cn": "Two"})
    plan, destination = into_file(tmp_path, "out.ldif", fields, *records, missing_at_source="delete")
    assert sorted(actions(plan)) == [("create", "2"), ("delete", "9"), ("update", "1")]
    assert carry_out(plan, destination) == []
    text = (tmp_path / "out.ldif").read_text()
    assert "dn: cn=New,dc=x\n" in text
    assert "sn: kept\n" in text
    assert "Gone" not in text
    again, _ = into_file(tmp_path, "out.ldif", fields, *records, missing_at_source="delete")
    assert actions(again) == []


GROUPS = """version: 1

dn: uid=p1,dc=old
uid: p1

dn: cn=Crew,dc=old
uid: g
cn: Crew
member: uid=p1,dc=old
member: uid=p2,dc=old

dn: uid=p2,dc=old
uid: p2
"""


@pytest.mark.parametrize(
    "spoilt", [GROUPS[:-1], GROUPS.replace("uid: p2", "uid:: *"), GROUPS.replace("\nuid: p2", "\nnonsense")]
)
def test_members_that_cannot_be_read_remove_nobody(tmp_path: Path, spoilt: str) -> None:
    """A file that may be cut off, or an entry that cannot be read, is no reason to fail the job: nobody
    leaves the group.
    """
    fields = {
        "uid": {"from": "uid", "key": True},
        "cn": "cn",
        "member": {"members": "member", "match": "uid"},
    }
    destination = destination_of(
        {"cn=P1,dc=y": {"uid": "p1"}, "cn=P2,dc=y": {"uid": "p2"}, "cn=P3,dc=y": {"uid": "p3"}},
        Crew={"uid": "g", "member": ["cn=P2,dc=y", "cn=P3,dc=y"]},
    )
    plan = planned(tmp_path, "g.ldif", spoilt, fields, destination, missing_at_destination="skip")
    (change,) = plan.changes
    assert (change.fields[0].old, change.fields[0].new) == ((), (b"cn=P1,dc=y",))
    assert "no counterpart at the destination for uid=p2,dc=old; no one is removed" in plan.warnings[-1]
