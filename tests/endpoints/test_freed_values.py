"""A leaver's address for a new person, through whole runs: one is enough, whatever the server is faster
at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.collection import run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.new_store import new_store
from tests.scenarios.slapd import Database, Slapd

CORP, LAB = "dc=corp,dc=example", "dc=lab,dc=example"


def staff(suffix: str, *people: tuple[str, str]) -> str:
    """People by uid and mail address."""
    entries = (
        (
            f"uid={uid},ou=people,{suffix}",
            {"objectClass": "inetOrgPerson", "uid": uid, "cn": uid, "sn": uid, "mail": mail},
        )
        for uid, mail in people
    )
    return directories.tree(suffix, "people") + directories.ldif(*entries)


@pytest.fixture
def run(
    new_slapd: Callable[..., Slapd], tmp_path: Path
) -> Callable[[str, str, str], tuple[JobResult, Slapd]]:
    """Runs a job from one content to another: `run(source, destination, missing_at_source)`."""
    url = new_store(tmp_path / "store.db")

    def run(source: str, destination: str, missing: str) -> tuple[JobResult, Slapd]:
        unique = {"unique": ["unique_uri ldap:///?mail?sub"]}
        servers = {
            "corp": new_slapd(CORP, ldif=source),
            "lab": new_slapd(Database(LAB, overlays=unique), ldif=destination),
        }

        class Connections:
            def get(self, connection_id: str) -> ConnectionInfo:
                return directories.slapd_connection(servers[connection_id], connection_id)

        def side(name: str, suffix: str) -> dict[str, Any]:
            return {
                "connection": name,
                "container": f"ou=people,{suffix}",
                "filter": "(objectClass=inetOrgPerson)",
            }

        job = {
            "name": "people",
            "source": side("corp", CORP),
            "destination": side("lab", LAB),
            "object": "inetOrgPerson",
            "rdn": "uid",
            "missing_at_source": missing,
            "remove": "all",
            "fields": {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn", "mail": "mail"},
        }
        definition = Collection.model_validate({"name": "c", "limits": {"delete": "none"}, "jobs": [job]})
        deployment = Deployment(Connections(), tmp_path)
        with Store.open(url) as store:
            snapshot = store.runs.start(
                definition, f"run {servers['lab'].port}", trigger="test", requester="t", verified=False
            )
            (result,) = run_collection(
                snapshot,
                snapshot.collection.jobs,
                deployment=deployment,
                store=store,
                holder="test",
                progress=lambda job: lambda stage, done, total: None,
            )
        return result, servers["lab"]

    return run


def test_the_address_of_a_leaver(run: Callable[[str, str, str], tuple[JobResult, Slapd]]) -> None:
    """The deletions that free addresses come first, for each of many at once."""
    leavers = [(f"leaver{n}", f"desk{n}@x") for n in range(100)]
    joiners = [(f"new{n}", f"desk{n}@x") for n in range(100)]
    result, lab = run(staff(CORP, *joiners), staff(LAB, *leavers), "delete")
    assert (result.state, result.statistics.created, result.statistics.deleted) == (
        JobState.SUCCESS,
        100,
        100,
    ), result.message
    connection = directories.slapd_connection(lab)
    found = directories.records(
        directories.source(connection, f"ou=people,{LAB}", filter="(uid=*)"), "uid", "mail"
    )
    assert {(held["uid"][0].decode(), held["mail"][0].decode()) for held in found.values()} == set(joiners)


def test_the_address_of_one_who_stays(run: Callable[[str, str, str], tuple[JobResult, Slapd]]) -> None:
    """Where the object that has the address is left alone, the message names it instead of blaming the
    source.
    """
    result, _ = run(staff(CORP, ("new", "desk@x")), staff(LAB, ("leaver", "desk@x")), "skip")
    assert result.state is JobState.SUCCESS_WITH_ERRORS
    (outcome,) = result.outcomes.values()
    assert (
        f"uid=leaver,ou=people,{LAB} has the same mail, and the directory lets only one object have it"
        in outcome.message
    )
