"""Destinations that think along: OpenLDAP with the overlays that check writes, or change other objects along
with one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from directory_sync.cli.preview_formats import render_changes
from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.collection import preview_collection, run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories, office_year
from tests.scenarios.new_store import new_store
from tests.scenarios.office_check import assert_in_order, content
from tests.scenarios.office_year import DESTINATION, SOURCE
from tests.scenarios.slapd import Database, Slapd, SlapdMissing, slapd_root

OVERLAYS: Mapping[str, Sequence[str]] = {
    "memberof": ["memberof-refint TRUE"],
    "refint": ["refint_attributes member manager seeAlso", f'refint_nothing "cn=nobody,{DESTINATION}"'],
    "unique": [
        f"unique_uri ldap:///ou=people,{DESTINATION}?uid?sub",
        f"unique_uri ldap:///ou=people,{DESTINATION}?mail?sub",
    ],
    "constraint": ["constraint_attribute title regex ^[A-Z][a-z]*$", "constraint_attribute mail count 3"],
    "dynlist": ["dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*"],
    "ppolicy": [f'ppolicy_default "cn=policy,{DESTINATION}"', "ppolicy_hash_cleartext"],
    "auditlog": ["auditlog /dev/null"],
}
TOGETHER = [name for name in OVERLAYS if name != "dynlist"]
"""`dynlist` computes the attribute that `memberof` stores: one of the two is used."""


def silent(job: Job) -> Any:
    return lambda stage, done, total: None


@dataclass
class World:
    """A source, a destination with overlays, and a copy of the destination for the independent tool."""

    source: Slapd
    destination: Slapd
    copy: Slapd
    deployment: Deployment
    store: Store
    runs: int = 0

    def get(self, connection_id: str) -> ConnectionInfo:
        """As the deployment's connections."""
        servers = {"source": self.source, "destination": self.destination}
        return directories.slapd_connection(servers[connection_id], connection_id)

    def preview(self, collection: Collection) -> list[JobResult]:
        """What would be done now."""
        return list(
            preview_collection(
                collection, collection.jobs, deployment=self.deployment, store=self.store, progress=silent
            )
        )

    def run(self, collection: Collection) -> list[JobResult]:
        """Do it."""
        self.runs += 1
        snapshot = self.store.runs.start(
            collection, f"run {self.runs}", trigger="test", requester="test", verified=False
        )
        jobs = snapshot.collection.jobs
        return list(
            run_collection(
                snapshot, jobs, deployment=self.deployment, store=self.store, holder="test", progress=silent
            )
        )


@contextmanager
def opened(overlays: Sequence[str], tmp_path: Path) -> Iterator[World]:
    """The servers; the destinations were filled while their overlays were at work."""
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    url = new_store(tmp_path / "store.db")
    database = Database(DESTINATION, overlays={name: OVERLAYS[name] for name in overlays})
    schemas = [slapd_root() / "etc/ldap/schema/dyngroup.schema"]
    with (
        Slapd(SOURCE) as source,
        Slapd(database, schemas=schemas) as destination,
        Slapd(database, schemas=schemas) as copy,
        Store.open(url) as store,
    ):
        for slapd, entries in (
            (source, office_year.source()),
            (destination, office_year.destination(overlays)),
            (copy, office_year.destination(overlays)),
        ):
            tool(slapd, "-a", ldif=directories.ldif(*entries.items()))
        world = World(source, destination, copy, Deployment(None, tmp_path), store)  # type: ignore[arg-type]
        world.deployment = Deployment(world, tmp_path)
        yield world


def tool(slapd: Slapd, *options: str, ldif: str) -> None:
    """Let OpenLDAP's own tool carry out LDIF; it stops at the first error."""
    done = subprocess.run(
        ["ldapmodify", "-x", *options, "-H", slapd.uri, "-D", slapd.admin, "-w", slapd.password],
        input=ldif,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "LDAPNOINIT": "1"},
    )
    assert done.returncode == 0, done.stderr


def passwords(slapd: Slapd) -> dict[bytes, list[bytes]]:
    """employeeNumber → password, as it is stored."""
    people = content(slapd).values()
    return {each["employeeNumber"][0]: each["userPassword"] for each in people if "userPassword" in each}


@pytest.mark.parametrize("overlays", [[name] for name in OVERLAYS] + [TOGETHER], ids="+".join)
def test_a_year_of_an_office(overlays: Sequence[str], tmp_path: Path) -> None:
    """Whatever the destination checks or changes along: all is written, the second plan is empty, and
    memberships are right.
    """
    with opened(overlays, tmp_path) as world:
        definition = office_year.collection()
        before = passwords(world.destination)
        results = world.run(definition)
        problems = [(each.message, each.problems, list(each.outcomes.values())) for each in results]
        assert [each.state for each in results] == [JobState.SUCCESS] * 2, problems
        if "refint" not in overlays:
            # Nothing lets references follow who is renamed: the next run corrects those of the same job.
            results = world.run(definition)
            assert {field.field for change in results[0].changes for field in change.fields} == {"manager"}
        assert_in_order(world.destination, overlays)
        again = world.preview(definition)
        assert [list(each.changes) for each in again] == [[], []]
        assert [each.problems for each in again] == [(), ()]
        assert {number: before[number] for number in before if int(number) > 10} == passwords(
            world.destination
        )


@pytest.mark.parametrize("overlays", [["memberof", "unique"]], ids="+".join)
def test_an_independent_tool_does_the_same(overlays: Sequence[str], tmp_path: Path) -> None:
    """The LDIF of each job's preview, carried out by OpenLDAP's own tool on a copy with the same overlays,
    ends the same.

    Without refint, as the tool does not wait for its repairs and what they do to it is left to chance; and so
    apart from `manager`, which this product corrects itself where the server does not.
    """
    with opened(overlays, tmp_path) as world:
        definition = office_year.collection()
        for job in definition.jobs:
            only = definition.model_copy(update={"jobs": [job]})
            (preview,) = world.preview(only)
            tool(world.copy, ldif="".join(render_changes(definition, job, preview.changes, world.deployment)))
            (result,) = world.run(only)
            assert result.state is JobState.SUCCESS, (result.message, result.outcomes)
            assert list(result.changes) == list(preview.changes)
        by_tool, by_us = content(world.copy, "memberOf"), content(world.destination, "memberOf")
        for values in (*by_tool.values(), *by_us.values()):
            values.pop("manager", None)
        assert by_tool == by_us
