"""`exact: true`: the source's spelling is written although the destination's rules take both for the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Action, Result
from directory_sync.plan.model import Plan
from tests.scenarios.container import Container
from tests.scenarios.file_jobs import FileJob
from tests.scenarios.files import file_source
from tests.scenarios.planning import actions, one_job, plan_of

CSV = FileEndpoint(file="hr.csv")


@dataclass
class Job:
    """People of a CSV file in a container of slapd, named by `uid`."""

    container: Container
    folder: Path

    def person(self, uid: str, **attributes: Any) -> str:
        return self.container.add(f"uid={uid}", **{"uid": uid, "cn": uid, "sn": uid, **attributes})

    def plan(self, rows: str, fields: Mapping[str, Any]) -> Plan:
        """What a run would do; `rows` with their header."""
        (self.folder / CSV.file).write_text(rows)
        where = {"connection": "lab", "container": self.container.dn, "filter": "(uid=*)"}
        given = {"uid": {"from": "uid", "key": True}, "cn": "uid", "sn": "uid", **fields}
        definition = one_job(
            given, source={"file": CSV.file}, destination=where, object="inetOrgPerson", rdn="uid"
        )
        return plan_of(
            definition, file_source(CSV, self.folder), self.container.destination(filter="(uid=*)")
        )

    def run(self, rows: str, fields: Mapping[str, Any], *, verify: bool = False) -> Plan:
        """Plan and carry out; then nothing is left to do."""
        plan = self.plan(rows, fields)
        places = frozenset(range(len(plan.changes))) if verify else frozenset()
        destination = self.container.destination()
        done = list(destination.write(enumerate(plan.changes), before_send=lambda: None, verify=places))
        assert {outcome.result for outcome in done} <= {Result.DONE}, done
        assert actions(self.plan(rows, fields)) == []
        return plan


@pytest.fixture
def job(container: Container, tmp_path: Path) -> Job:
    """Nobody yet."""
    return Job(container, tmp_path)


def test_without_it_capitalisation_does_not_arrive(job: Job) -> None:
    """The schema takes both for the same name, so there is nothing to change."""
    job.person("a", sn="MCDONALD")
    assert actions(job.plan("uid,sn\na,McDonald\n", {"sn": "sn"})) == []


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(
    ("attribute", "now", "wanted"),
    [
        ("sn", ["MCDONALD"], "McDonald"),
        ("displayName", ["ANN MCDONALD"], "Ann McDonald"),
        ("description", ["ALPHA", "beta"], "Alpha;beta"),
        ("description", ["ALPHA", "beta"], "Alpha;BETA;gamma"),
        ("mail", ["ANN@CORP.EXAMPLE"], "ann@corp.example"),
        ("sn", ["van  Dyk"], "van Dyk"),
        ("manager", ["uid=a,{0}"], "uid=A,{0}"),
        ("manager", ["uid=a,{0}"], "UID=A , {0}"),
    ],
)
def test_a_field_is_spelled_as_at_the_source(
    job: Job, attribute: str, now: list[str], wanted: str, verify: bool
) -> None:
    """Old spelling out, new one in, in one modification, also where the object is looked at first; the next
    plan is empty.
    """
    dn = job.person("a", **{attribute: [value.format(job.container.dn) for value in now]})
    rows = f'uid,x\na,"{wanted.format(job.container.dn)}"\n'
    plan = job.run(rows, {attribute: {"from": "x", "exact": True, "delimiter": ";"}}, verify=verify)
    assert actions(plan) == [("update", "a")]
    held = sorted(value.decode() for value in job.container.values(dn, attribute)[attribute])
    assert held == sorted(wanted.format(job.container.dn).replace("UID=A , ", "uid=A,").split(";"))


def test_what_is_not_spelled_otherwise_stays(job: Job) -> None:
    """How the server writes a name does not count: blanks between its parts and the case of attribute
    types.
    """
    job.person("a", manager=f"uid=Amy,{job.container.dn}")
    rows = f'uid,x\na,"UID=Amy , {job.container.dn}"\n'
    assert actions(job.plan(rows, {"manager": {"from": "x", "exact": True}})) == []


@pytest.mark.parametrize("verify", [False, True])
def test_a_name_that_changes_only_its_spelling(job: Job, verify: bool) -> None:
    """The object is renamed in place: its DN and the naming attribute get the new spelling, and it stays the
    same object.
    """
    dn = job.person("mcdonald", sn="McDonald", cn="mcdonald")
    before = job.container.record(dn, "uid").values["entryUUID"]
    fields = {
        "uid": {"from": "uid", "key": True, "exact": True},
        "cn": {"static": "mcdonald"},
        "sn": {"static": "McDonald"},
    }
    plan = job.run("uid\nMcDonald\n", fields, verify=verify)
    (change,) = plan.changes
    assert (change.action, change.new_object) == (Action.UPDATE, f"uid=McDonald,{job.container.dn}")
    renamed = job.container.record(f"uid=McDonald,{job.container.dn}", "uid")
    assert renamed.values == {"uid": [b"McDonald"], "entryUUID": before}


def test_a_name_that_is_spelled_otherwise_than_its_attribute(job: Job) -> None:
    """Exact spelling is meant for the name as well."""
    job.container.add("uid=MCDONALD", uid="McDonald", cn="McDonald", sn="McDonald")
    plan = job.run("uid\nMcDonald\n", {"uid": {"from": "uid", "key": True, "exact": True}})
    (change,) = plan.changes
    assert (change.new_object, change.fields) == (f"uid=McDonald,{job.container.dn}", ())
    assert actions(job.plan("uid\nMcDonald\n", {})) == []


def test_without_exact_a_name_keeps_its_spelling(job: Job) -> None:
    """Also when another value of the naming attribute comes."""
    job.container.add("uid=MCDONALD", uid="McDonald", cn="McDonald", sn="McDonald")
    fields = {"sn": {"from": "sn", "key": True}, "uid": {"from": "uid", "delimiter": ";"}, "cn": "sn"}
    plan = job.run("sn,uid\nMcDonald,mcdonald;ann\n", fields)
    (change,) = plan.changes
    assert change.new_object is None


def test_an_interrupted_rename_goes_on(job: Job) -> None:
    """What an earlier attempt has done is found done by its spelling, what it has not is done."""
    job.person("mcdonald", sn="MCDONALD")
    fields = {"uid": {"from": "uid", "key": True, "exact": True}, "sn": {"from": "sn", "exact": True}}
    rows = "uid,sn\nMcDonald,McDonald\n"
    plan = job.plan(rows, {**fields, "cn": {"static": "mcdonald"}})
    destination = job.container.destination()
    job.container.admin.rename_s(f"uid=mcdonald,{job.container.dn}", "uid=McDonald", delold=1)
    (half,) = destination.write(enumerate(plan.changes), before_send=lambda: None, verify={0})
    assert half.result is Result.DONE
    assert job.container.values(f"uid=mcdonald,{job.container.dn}", "sn") == {"sn": [b"McDonald"]}
    (again,) = destination.write(enumerate(plan.changes), before_send=lambda: None, verify={0})
    assert again.result is Result.FOUND_DONE


def test_a_changed_record_is_no_conflict_of_spelling(job: Job) -> None:
    """If another value was written meanwhile, that is a conflict as always."""
    dn = job.person("a", sn="MCDONALD")
    plan = job.plan("uid,sn\na,McDonald\n", {"sn": {"from": "sn", "exact": True}})
    job.container.admin.modify_s(dn, [(2, "sn", b"Other")])
    (outcome,) = job.container.destination().write(enumerate(plan.changes), before_send=lambda: None)
    assert outcome.result is Result.CONFLICT


# -- files ---------------------------------------------------------------------------------------------------


def test_the_name_of_an_ldif_entry(tmp_path: Path) -> None:
    """LDIF values are compared to the letter anyway; `exact` says so for names."""
    (tmp_path / "out.ldif").write_text(
        "version: 1\n\ndn: ou=a,dc=x\nou: a\n\ndn: cn=MCDONALD,ou=A,dc=X\nid: 1\ncn: MCDONALD\nmanager:"
        " CN=boss, DC=x\n\n"
    )
    fields = {"dn": {"from": "dn", "key": True}, "id": "id", "manager": "manager"}
    job = FileJob(
        tmp_path, fields, "in.ldif", "out.ldif", {"object": "inetOrgPerson", "object_classes": ["top"]}
    )
    job.write_source("dn: cn=McDonald,ou=a,dc=x\nid: 1\nmanager: cn=Boss,dc=x\n\n")
    assert actions(job.plan()) == []
    job.fields = {
        **fields,
        "dn": {**fields["dn"], "exact": True},
        "manager": {"from": "manager", "exact": True},
    }
    (change,) = job.run().changes
    assert change.new_object == "cn=McDonald,ou=a,dc=x"
    assert "dn: cn=McDonald,ou=a,dc=x\n" in job.written
    assert "manager: cn=Boss,dc=x\n" in job.written
    assert actions(job.run()) == []


def test_a_csv_file_is_compared_to_the_letter_anyway(tmp_path: Path) -> None:
    """`exact` changes nothing there, also for a key."""
    (tmp_path / "out.csv").write_text("id,name\nA ,MCDONALD\n")
    fields = {"id": {"from": "id", "key": True, "exact": True}, "name": {"from": "name", "exact": True}}
    job = FileJob(tmp_path, fields, "in.csv", "out.csv")
    job.write_source("id,name\nA,McDonald\n")
    assert actions(job.run()) == [("update", "A")]
    assert job.written == 'id,name\n"A ",McDonald\n'
    assert actions(job.run()) == []
