"""`filter` of a file source: which rows and entries are records, by LDAP's rules as far as a file without a
schema allows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import FileEndpoint
from directory_sync.errors import EndpointError, SchemaError
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.files import file_source
from tests.scenarios.planning import actions

STAFF = (
    'no,First name,dept_id,age,e-mail\n1,Amy,12,29,amy@x\n2,Fry,7,30,\n3,"L\u00e9ela  Turanga",7,31, '
    " \n4,,12,x,Bender@x\n"
)

REMOVES = {"missing_at_source": "delete", "remove": "all"}


def chosen(folder: Path, content: str, filter: str, name: str = "staff.csv", **options: Any) -> list[str]:
    """Ids of the records that a filter selects."""
    (folder / name).write_text(content)
    source = file_source(FileEndpoint(file=name, filter=filter, **options), folder)
    source.check()
    return [record.id.removeprefix("line ") for batch in source.read(["no"]) for record in batch]


@pytest.mark.parametrize(
    ("filter", "lines"),
    [
        ("(no=*)", "2345"),
        ("(dept_id=7)", "34"),
        ("(DEPT_ID=007)", ""),
        ("(First name=AMY)", "2"),
        ("(first name=l\\c3\\a9ela turanga)", "4"),
        ("(First name=*m*)", "2"),
        ("(First name=l*turanga)", "4"),
        ("(!(First name=Amy))", "345"),
        ("(e-mail=*)", "25"),
        ("(!(e-mail=*))", "34"),
        ("(age>=30)", "345"),
        ("(age<=30)", "23"),
        ("(&(dept_id=12)(e-mail=*@x))", "25"),
        ("(|(no=1)(no=4))", "25"),
        ("(First name~=amy)", "2"),
        ("(dept_id:1.2.840.113556.1.4.803:=4)", "2345"),
        ("(&)", "2345"),
        ("(|)", ""),
    ],
)
def test_rows(tmp_path: Path, filter: str, lines: str) -> None:
    """Texts are compared without regard to case and insignificant spaces; a blank cell is absent; names are
    those of columns.
    """
    assert "".join(chosen(tmp_path, STAFF, filter)) == lines


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    """A filter on it would select nothing, or everything; the columns are named."""
    with pytest.raises(
        SchemaError,
        match=r"the filter: there is no column 'dept'\. Did you mean 'dept_id'\? Its columns, .*First name",
    ):
        chosen(tmp_path, STAFF, "(!(dept=7))")


@pytest.mark.parametrize(
    "filter", ["(ou:dn:=x)", "(:2.5.13.2:=x)", "(cn:caseExactMatch:=x)", "(&(a=b)(!(c:1.2.3:=d)))"]
)
@pytest.mark.parametrize("name", ["a.csv", "a.ldif"])
def test_what_only_a_directory_can_decide_is_refused(tmp_path: Path, filter: str, name: str) -> None:
    """It would be Undefined for every record, so nothing would ever be selected."""
    with pytest.raises(EndpointError, match="which only a directory can decide"):
        file_source(FileEndpoint(file=name, filter=filter), tmp_path)


def test_a_row_that_cannot_be_read_is_never_filtered_out(tmp_path: Path) -> None:
    """What its cells hold is not known, so it stays present and in error, and nothing is removed."""
    (tmp_path / "out.csv").write_text("no,name\n1,A\n9,Gone\n")
    fields = {"no": {"from": "no", "key": True}, "name": "name"}
    job = FileJob(
        tmp_path,
        fields,
        {"file": "in.csv", "filter": "(active=yes)"},
        "out.csv",
        REMOVES,
    )
    job.write_source("no,name,active\n1,A,yes\n9,Gone\n")
    plan = job.plan()
    assert (actions(plan), len(plan.problems)) == ([], 1)
    job.write_source("no,name,active\n1,A,yes\n9,Gone,no\n")
    assert actions(job.plan()) == [("delete", "9")]
    job.write_source("no,name,active\n1,A,yes\n9,Gone,no")
    assert actions(job.plan()) == []


LDIF = """version: 1

dn: dc=x
objectClass: domain
dc: x

dn: ou=People,dc=x
objectClass: organizationalUnit
ou: People

dn: uid=a,ou=People,dc=x
objectClass: inetOrgPerson
uid: a
cn: Amy
employeeType: staff
manager: UID=b, OU=people, DC=x

dn: uid=b,ou=People,dc=x
objectClass: inetOrgPerson
cn:: QsO2Yg==
departmentNumber: 12

dn: cn=Crew,ou=Groups,dc=x
objectClass: groupOfNames
cn: Crew
member: uid=a,ou=People,dc=x

"""


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("(objectClass=INETORGPERSON)", "ab"),
        ("(objectClass=person)", "ab"),
        ("(objectClass=top)", "xPabC"),
        ("(objectClass=groupOfNames)", "C"),
        ("(&(objectClass=inetOrgPerson)(employeeType=*))", "a"),
        ("(!(objectClass=inetOrgPerson))", "xPC"),
        ("(manager=uid=b,ou=People,dc=x)", "a"),
        ("(member=UID=A,OU=People,DC=X)", "C"),
        ("(uid=*)", "ab"),
        ("(cn=B\u00d6B)", "b"),
        ("(dn=*,ou=people,dc=x)", "ab"),
        ("(dn=OU=People, DC=x)", "P"),
        ("(departmentNumber>=9)", "b"),
    ],
)
def test_entries(tmp_path: Path, filter: str, names: str) -> None:
    """Classes above the well-known ones of people count, names are compared as names, and values in an
    entry's name are there.
    """
    found = chosen(tmp_path, LDIF, filter, "people.ldif")
    assert "".join(dn.partition("=")[2][0] for dn in found) == names


def test_a_filter_that_names_an_attribute_of_no_entry(tmp_path: Path) -> None:
    """If nothing is selected, it was probably mistyped: that is an error and no empty listing."""
    with pytest.raises(
        SchemaError,
        match=r"the filter selects nothing, and no entry has the attribute employetype that it names",
    ):
        chosen(tmp_path, LDIF, "(&(objectClass=inetOrgPerson)(employeTYPE=staff))", "people.ldif")
    assert chosen(tmp_path, LDIF, "(employeeType=nobody)", "people.ldif") == []
    assert chosen(tmp_path, "version: 1\n", "(x=y)", "people.ldif") == []


@pytest.mark.parametrize(
    ("broken", "problems", "removed"),
    [
        ("jpegPhoto:< file:///x\n", 0, ["z"]),
        ("objectClass:: *\n", 1, []),
        ("nonsense\n", 1, []),
    ],
)
def test_an_entry_that_cannot_be_read(tmp_path: Path, broken: str, problems: int, removed: list[str]) -> None:
    """It is left out only if the filter does not select it whatever it holds; else it is an error, and
    protects its object.
    """
    (tmp_path / "out.csv").write_text("uid,cn\na,Amy\nb,B\u00f6b\nz,Zoe\n")
    fields = {"uid": {"from": "uid", "key": True}, "cn": "cn"}
    source = {"file": "in.ldif", "filter": "(objectClass=inetOrgPerson)"}
    job = FileJob(tmp_path, fields, source, "out.csv", REMOVES)
    job.write_source(LDIF.replace("ou: People\n", f"ou: People\n{broken}"))
    plan = job.plan()
    assert len(plan.problems) == problems
    assert [key for action, key in actions(plan) if action == "delete"] == removed


def test_members_are_looked_up_among_all_entries(tmp_path: Path) -> None:
    """A filter chooses records; what they name may be anything that is in the file."""
    (tmp_path / "in.ldif").write_text(LDIF)
    source = file_source(FileEndpoint(file="in.ldif", filter="(objectClass=groupOfNames)"), tmp_path)
    assert [dn for dn, values in source.index("uid", None) if values] == [
        "uid=a,ou=People,dc=x",
        "uid=b,ou=People,dc=x",
    ]
