"""Whole numbers and truth values: a server knows one way to write each, whatever way a file has."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Result
from directory_sync.endpoints.ldap.syntaxes import SYNTAXES
from directory_sync.plan.model import Plan
from tests.scenarios.container import Container
from tests.scenarios.files import file_source
from tests.scenarios.planning import actions, one_job, plan_of

FIELDS = {
    "uid": {"from": "uid", "key": True},
    **dict.fromkeys(("cn", "sn"), "uid"),
    "uidNumber": "number",
    "gidNumber": {"static": "007"},
    "homeDirectory": {"static": "/"},
}


def planned(container: Container, folder: Path, content: str, **number: object) -> Plan:
    """What a job makes of a file with account numbers."""
    (folder / "hr.csv").write_text(content)
    fields = {**FIELDS, "uidNumber": {"from": "number", **number}}
    where = {"connection": "lab", "container": container.dn, "filter": "(uid=*)"}
    classes = ["inetOrgPerson", "posixAccount"]
    job = one_job(
        fields,
        source={"file": "hr.csv"},
        destination=where,
        rdn="uid",
        object_classes=classes,
        object="inetOrgPerson",
    )
    return plan_of(
        job, file_source(FileEndpoint(file="hr.csv"), folder), container.destination(filter="(uid=*)")
    )


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("00200", "200"),
        (" 200 ", "200"),
        ("+5", "5"),
        ("-0", "0"),
        ("-007", "-7"),
        ("000", "0"),
        ("200", "200"),
    ],
)
def test_a_number_with_leading_zeros(
    container: Container, tmp_path: Path, written: str, number: str, exact: bool
) -> None:
    """It is written as the server knows it, and is then no difference, neither by its value nor by its
    spelling.
    """
    content = f"uid,number\na,{written}\n"
    plan = planned(container, tmp_path, content, exact=exact)
    outcomes = list(container.destination().write(enumerate(plan.changes), before_send=lambda: None))
    assert [outcome.result for outcome in outcomes] == [Result.DONE], outcomes
    assert container.values(f"uid=a,{container.dn}", "uidNumber", "gidNumber") == {
        "uidNumber": [number.encode()],
        "gidNumber": [b"7"],
    }
    assert actions(planned(container, tmp_path, content, exact=exact)) == []
    (change,) = planned(container, tmp_path, "uid,number\na,0031\n", exact=exact).changes
    assert change.fields[0].new == (b"31",)


@pytest.mark.parametrize("written", ["200.0", "2e2", "0x10", "1 000", "12a", "\u0664\u0662", "--1"])
def test_what_is_no_whole_number(container: Container, tmp_path: Path, written: str) -> None:
    """It is an error of that record before anything is sent, which says what a number looks like."""
    plan = planned(container, tmp_path, f"uid,number\na,{written}\n")
    assert actions(plan) == []
    assert "must be a whole number, such as 200" in plan.problems[0].message


def test_truth_values() -> None:
    """A directory knows TRUE and FALSE only; a file has true and False too."""
    boolean = SYNTAXES["1.3.6.1.4.1.1466.115.121.1.7"]
    for written in (b"true", b"True", b" TRUE "):
        assert boolean.canonical(written) == boolean.normalise(written) == b"TRUE"
        assert boolean.check(boolean.canonical(written)) is None
    assert boolean.check(boolean.canonical(b"yes")) is not None
