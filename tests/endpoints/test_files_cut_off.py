"""Files that end without a line break: nobody can tell whether they are whole, so nothing is removed because
of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import FileEndpoint
from directory_sync.errors import IncompleteListing
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.files import file_source
from tests.scenarios.planning import actions, destination_of, one_job, plan_of

FIELDS: dict[str, Any] = {"id": {"from": "id", "key": True}, "name": "name"}
REMOVES = {"missing_at_source": "delete", "remove": "all"}
OLD = "id,name\n1,Amy\n2,Fry\n9,Gone\n"


def csv_job(folder: Path, content: str | bytes, **source: Any) -> FileJob:
    """A job that deletes; the destination has one row that the source may lack."""
    (folder / "out.csv").write_text(OLD)
    made = FileJob(folder, FIELDS, {"file": "in.csv", **source}, "out.csv", REMOVES)
    made.write_source(content)
    return made


@pytest.mark.parametrize(
    "content",
    [
        "id,name\n1,Amy Wong\n2,Phil",
        "id,name\r\n1,Amy Wong\r\n2,Phil",
        "id,name\r1,Amy Wong\r2,Phil",
        'id,name\n1,"Amy Wong"\n2,5"',
        'id,name\n1,Amy Wong\n"2",Phil',
        "\ufeffid,name\n1,Amy Wong\n2,",
        "id,name\n1,Amy Wong\n2,Phil ",
    ],
)
def test_the_last_row_is_not_used_and_nothing_is_removed(tmp_path: Path, content: str) -> None:
    """The other rows are; the last one is an error that names file, line and remedy, and its object stays as
    it is.
    """
    plan = csv_job(tmp_path, content).plan()
    assert actions(plan) == [("update", "1")]
    (problem,) = plan.problems
    assert problem.key == "2"
    assert "file in.csv, line 3: the file ends here without a line break" in problem.message
    assert "complete: true" in problem.message
    assert any("the source may have been cut off" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    "content",
    [
        'id,name\n1,Amy\n2,"Phil"',
        'id,name\r\n1,Amy\r\n2,"say ""Phil"""',
        'id,name\n1,Amy\n2,"two\nlines\n"',
        'id,name\n1,Amy\n2,""',
        "id,name\n1,Amy\n2,Phil\n\x1a",
        "id,name\n1,Amy\n2,Phil\n   ",
    ],
)
def test_a_row_that_is_whole_for_certain_is_used(tmp_path: Path, content: str) -> None:
    """A cell that is quoted to its end, the mark that DOS puts at the end of a file, or blanks after the last
    line break.
    """
    plan = csv_job(tmp_path, content).plan()
    assert [action for action, _ in actions(plan)] == ["update", "delete"]
    assert plan.problems == ()


@pytest.mark.parametrize("content", ["id,name\n1,Amy\n2,Phil", 'id,name\n1,Amy\n2,5"'])
def test_a_file_that_is_said_to_be_whole(tmp_path: Path, content: str) -> None:
    """`complete: true` says so for files that are always written without a last line break."""
    assert [action for action, _ in actions(csv_job(tmp_path, content, complete=True).plan())] == [
        "update",
        "delete",
    ]


def test_a_header_that_may_have_been_cut_off(tmp_path: Path) -> None:
    """Which columns there are cannot be told, let alone which rows."""
    with pytest.raises(
        IncompleteListing, match=r"file in.csv: line 1: the file ends within its header.* complete: true"
    ):
        csv_job(tmp_path, "id,name").plan()
    assert actions(csv_job(tmp_path, 'id,"name"').plan()) == [("delete", key) for key in ("1", "2", "9")]
    assert len(actions(csv_job(tmp_path, "id,name", complete=True).plan())) == 3


def test_a_row_that_is_surely_cut_off(tmp_path: Path) -> None:
    """With fewer cells than the header the listing is not complete at all; in a file that is whole, it is a
    broken row.
    """
    with pytest.raises(IncompleteListing, match="line 3: the file ends in the middle of a row"):
        csv_job(tmp_path, "id,name\n1,Amy\n2").plan()
    plan = csv_job(tmp_path, "id,name\n1,Amy\n2", complete=True).plan()
    assert actions(plan) == []
    assert "1 columns where the header has 2" in plan.problems[0].message


def test_where_the_key_is_the_last_cell(tmp_path: Path) -> None:
    """Then it is not known at all, and the row can be anybody's."""
    job = csv_job(tmp_path, "name,id\nAmy,1\nPhilip,2")
    plan = job.plan()
    assert actions(plan) == []
    assert plan.problems[0].key == ""


def test_a_destination_that_may_have_been_cut_off(tmp_path: Path) -> None:
    """Rows may be there that would be created again, so the listing is not complete; what we write ends with
    a line break.
    """
    job = FileJob(tmp_path, FIELDS, "in.csv", "out.csv")
    job.write_source("id,name\n1,Amy\n2,Fry\n")
    (tmp_path / "out.csv").write_text("id,name\n1,Am")
    with pytest.raises(
        IncompleteListing, match=r"file out.csv: line 2: .*may have been cut off.*complete: true"
    ):
        job.plan()
    job.destination = {"file": "out.csv", "complete": True}
    assert actions(job.run()) == [("create", "2"), ("update", "1")]
    job.destination = "out.csv"
    assert actions(job.run()) == []
    assert job.written == "id,name\n1,Amy\n2,Fry\n"


def test_nothing_leaves_a_directory_either(tmp_path: Path) -> None:
    """Deleting and moving are the same danger."""
    (tmp_path / "in.csv").write_text("uid,cn\na,A\nb,B")
    for what in ("delete", {"move": "ou=left,dc=x"}):
        destination = destination_of(A={"uid": "a"}, B={"uid": "b"}, Gone={"uid": "gone"})
        destination.entries["ou=left,dc=x"] = {"ou": [b"left"]}
        definition = one_job(
            {"uid": {"from": "uid", "key": True}, "cn": "cn"},
            source={"file": "in.csv"},
            missing_at_source=what,
        )
        plan = plan_of(definition, file_source(FileEndpoint(file="in.csv"), tmp_path), destination)
        assert actions(plan) == []
        assert len(plan.problems) == 1


# -- LDIF ----------------------------------------------------------------------------------------------------

ENTRIES = (
    "version: 1\n\ndn: cn=Amy,dc=x\nid: 1\ncn: Amy\nsn: Wong\n\ndn: cn=Fry,dc=x\nid: 2\ncn: Fry\nsn: Fry\n"
)
LDIF_FIELDS: dict[str, Any] = {"id": {"from": "id", "key": True}, "name": "sn"}


def ldif_job(folder: Path, content: str, **source: Any) -> FileJob:
    """The same, from LDIF."""
    (folder / "out.csv").write_text("id,name\n1,W\n2,F\n9,Gone\n")
    made = FileJob(folder, LDIF_FIELDS, {"file": "in.ldif", **source}, "out.csv", REMOVES)
    made.write_source(content)
    return made


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (ENTRIES[:-1], "2"),
        (ENTRIES[:-3], "2"),
        (ENTRIES[: ENTRIES.rindex("sn:")] + "sn", "2"),
        (ENTRIES[: ENTRIES.rindex("sn:")] + "description: a\n b", "2"),
        (ENTRIES[: ENTRIES.rindex("cn:")] + "sn:: R", "2"),
        (ENTRIES[: ENTRIES.rindex("id:")] + "id: 2", ""),
        (ENTRIES[: ENTRIES.rindex("dn:")] + "dn: cn=Fr", ""),
        (ENTRIES[: ENTRIES.rindex("dn:")] + "# the n", ""),
        (ENTRIES + "\n# numEntr", ""),
        (ENTRIES + "\nver", ""),
    ],
)
def test_the_last_entry_is_not_used_and_nothing_is_removed(tmp_path: Path, content: str, key: str) -> None:
    """What its last line was to hold is not known; if that is the key or the name, it can be anybody."""
    plan = ldif_job(tmp_path, content).plan()
    assert ("update", "1") in actions(plan)
    assert "delete" not in {action for action, _ in actions(plan)}
    (problem,) = plan.problems
    assert problem.key == key
    assert "the file ends here without a line break" in problem.message


def test_an_ldif_file_that_is_said_to_be_whole(tmp_path: Path) -> None:
    """Then the last entry is like any other."""
    plan = ldif_job(tmp_path, ENTRIES[:-1], complete=True).plan()
    assert sorted(actions(plan)) == [("delete", "9"), ("update", "1"), ("update", "2")]
    assert plan.problems == ()


def test_an_ldif_destination_that_may_have_been_cut_off(tmp_path: Path) -> None:
    """It is read as a whole or not at all, and what we write ends with a line break."""
    fields = {"dn": {"from": "dn", "key": True}, "cn": "cn", "sn": "sn", "id": "id"}
    job = FileJob(tmp_path, fields, "in.ldif", "out.ldif", {"object": "inetOrgPerson"})
    job.write_source(ENTRIES)
    (tmp_path / "out.ldif").write_text(ENTRIES[:-2])
    with pytest.raises(IncompleteListing, match=r"file out.ldif: .*may have been cut off.*complete: true"):
        job.plan()
    job.destination = {"file": "out.ldif", "complete": True}
    assert actions(job.run()) == [("update", "cn=Fry,dc=x")]
    job.destination = "out.ldif"
    assert actions(job.run()) == []
