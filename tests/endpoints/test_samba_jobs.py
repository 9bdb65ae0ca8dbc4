"""Whole jobs from one part of an Active Directory domain to another, through everything that a run goes
through.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap
import pytest
from ldap.controls import RequestControl
from ldap.dn import escape_dn_chars
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.collection import preview_collection, run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store
from tests.scenarios.samba import Samba

Values = str | bytes | list[str]
TREE_DELETE = "1.2.840.113556.1.4.805"
_numbers = itertools.count()


@dataclass
class Forest:
    """A corner of the domain: `OU=from` is the source, `OU=to` the destination.

    Attributes:
        suffix: DN of the corner.
        letters: stand in front of account names, which are unique in the whole domain.
        before_apply: called when a job begins to apply.
    """

    samba: Samba
    admin: SimpleLDAPObject
    store: Store
    folder: Path
    suffix: str
    letters: str
    before_apply: Callable[[], None] = field(default=lambda: None)

    def get(self, connection_id: str) -> ConnectionInfo:
        samba = self.samba
        return ConnectionInfo(
            connection_id,
            "ldap",
            samba.address,
            login=samba.admin,
            password=samba.password,
            extra={"ca_certificate": str(samba._files[0]), "page_size": 2},
        )

    def add(self, dn: str, **attributes: Values) -> str:
        whole = f"{dn},{self.suffix}"
        self.admin.add_s(whole, [(name, encoded(values)) for name, values in attributes.items()])
        return whole

    def user(self, name: str, account: str, *, side: str, below: str = "", **attributes: Values) -> str:
        values = self._values(account, side, "userPrincipalName")
        return self.add(
            f"CN={escape_dn_chars(name)},{below}OU={side}",
            objectClass="user",
            sn=name,
            **values,
            **attributes,
        )

    def group(self, name: str, account: str, *, side: str, **attributes: Values) -> str:
        return self.add(
            f"CN={name},OU={side}", objectClass="group", **self._values(account, side, "info"), **attributes
        )

    def _values(self, account: str, side: str, mark: str) -> dict[str, str]:
        # Both sides are in one domain, so what is a key at the destination must be another attribute at the
        # source.
        own = (
            {"sAMAccountName": f"{self.letters}{account}", "adminDisplayName": account}
            if side == "to"
            else {}
        )
        return {"adminDescription": account, **(own or {mark: f"{self.letters}{account}@corp"})}

    def set(self, dn: str, **attributes: Values | None) -> None:
        changes = [
            (ldap.MOD_REPLACE, name, None if values is None else encoded(values))
            for name, values in attributes.items()
        ]
        self.admin.modify_s(dn, changes)

    def to(self, *attributes: str, filter: str = "(adminDescription=*)") -> dict[str, dict[str, list[str]]]:
        """What the destination holds, by the DN without the corner's suffix."""
        found = self.admin.search_s(f"OU=to,{self.suffix}", ldap.SCOPE_SUBTREE, filter, list(attributes))
        return {
            dn.removesuffix(f",OU=to,{self.suffix}"): {
                name: sorted(value.decode().removesuffix(f",OU=to,{self.suffix}") for value in values)
                for name, values in entry.items()
            }
            for dn, entry in found
        }

    def collection(self, *jobs: dict[str, Any]) -> Collection:
        kinds = ("delete", "move", "clear", "members")
        return Collection.model_validate(
            {"name": "corner", "limits": dict.fromkeys(kinds, "none"), "jobs": list(jobs)}
        )

    def job(self, kind: str, fields: dict[str, Any], **job: Any) -> dict[str, Any]:
        category = {"user": "(&(objectCategory=person)(objectClass=user))", "group": "(objectClass=group)"}[
            kind
        ]
        destination = {
            "connection": "corp",
            "container": f"OU=to,{self.suffix}",
            "filter": category,
            **job.pop("destination", {}),
        }
        return {
            "name": kind,
            "source": {"connection": "corp", "container": f"OU=from,{self.suffix}", "filter": category},
            "destination": destination,
            "object": kind,
            "fields": {
                "adminDisplayName": {"from": "adminDescription", "key": True},
                "adminDescription": "adminDescription",
                "cn": "cn",
                **fields,
            },
            **job,
        }

    def run(self, definition: Collection) -> list[JobResult]:
        """Run it, and see that a preview said the same before, and that nothing is left to do afterwards."""
        number = next(_numbers)
        snapshot = self.store.runs.start(
            definition, f"run {number}", trigger="test", requester="test", verified=False
        )
        deployment = Deployment(self, self.folder)
        told: list[str] = []

        def progress(stage: str, done: int, total: int | None) -> None:
            told.append(stage)

        save = self.store.plans.save

        def save_plan(job_run_id: int, plan: Any) -> int:
            self.before_apply()
            return save(job_run_id, plan)

        self.store.plans.save = save_plan  # type: ignore[method-assign]
        try:
            return list(
                run_collection(
                    snapshot,
                    snapshot.collection.jobs,
                    deployment=deployment,
                    store=self.store,
                    holder="test",
                    progress=lambda job: progress,
                )
            )
        finally:
            self.store.plans.save = save  # type: ignore[method-assign]

    def succeed(self, definition: Collection) -> list[JobResult]:
        """Run it; every job succeeds, and the plan after it is empty."""
        results = self.run(definition)
        assert [result.state for result in results] == [JobState.SUCCESS] * len(results), [
            (result.message, result.problems, result.outcomes) for result in results
        ]
        assert self.left(definition) == []
        return results

    def left(self, definition: Collection) -> list[Any]:
        """What a preview says that there is to do."""
        deployment = Deployment(self, self.folder)
        previews = list(
            preview_collection(
                definition,
                definition.jobs,
                deployment=deployment,
                store=None,
                progress=lambda job: lambda stage, done, total: None,
            )
        )
        assert [preview.state for preview in previews] == [JobState.PREVIEWED] * len(previews), previews[
            0
        ].message
        return [change for preview in previews for change in preview.changes]


def encoded(values: Values) -> list[bytes]:
    held = values if isinstance(values, list) else [values]
    return [value.encode() if isinstance(value, str) else value for value in held]


@pytest.fixture
def forest(samba: Samba, tmp_path: Path) -> Iterator[Forest]:
    """A new corner with empty `OU=from` and `OU=to`."""
    number = next(_numbers)
    admin = ldap.initialize(samba.uri)
    admin.set_option(ldap.OPT_X_TLS_CACERTFILE, str(samba._files[0]))
    admin.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    admin.set_option(ldap.OPT_REFERRALS, 0)
    admin.simple_bind_s(samba.admin, samba.password)
    url = new_store(tmp_path / "store.db")
    with Store.open(url) as store:
        corner = Forest(samba, admin, store, tmp_path, f"OU=corner{number},{samba.suffix}", f"c{number}-")
        admin.add_s(corner.suffix, [("objectClass", b"organizationalUnit")])
        corner.add("OU=from", objectClass="organizationalUnit")
        corner.add("OU=to", objectClass="organizationalUnit")
        yield corner
    # Keys are looked for in the whole domain, so other tests must not find what this one made.
    admin.delete_ext_s(corner.suffix, serverctrls=[RequestControl(TREE_DELETE, True)])
    admin.unbind_s()


def users_job(forest: Forest, fields: dict[str, Any] | None = None, **job: Any) -> dict[str, Any]:
    account = {"template": forest.letters + "{{ adminDescription }}"}
    return forest.job(
        "user",
        {
            "sAMAccountName": account,
            "sn": "sn",
            "description": "description",
            "otherTelephone": "otherTelephone",
            **(fields or {}),
        },
        **job,
    )


def test_users_are_created_changed_renamed_and_deleted(forest: Forest) -> None:
    """Without passwords, by their own names; a difference in case only is none; then nothing is left to
    do.
    """
    forest.user("Philip, Fry", "e1", side="from", otherTelephone=["1", "2"], description="Boy")
    forest.user("Leela", "e2", side="from", otherTelephone="3", description="CAPTAIN")
    forest.user("Amy Wong", "E3", side="from")
    forest.user("Leela", "e2", side="to", otherTelephone=["3", "4"], description="captain")
    forest.user("Amy Kroker", "e3", side="to")
    forest.user("Zapp", "e4", side="to")
    ids = {name: values["objectGUID"] for name, values in raw(forest).items()}
    definition = forest.collection(users_job(forest, missing_at_source="delete", remove="all"))
    (result,) = forest.succeed(definition)
    assert (result.statistics.created, result.statistics.updated, result.statistics.deleted) == (1, 2, 1)
    found = forest.to(
        "adminDescription", "otherTelephone", "description", "sn", "sAMAccountName", "userAccountControl"
    )
    assert {name: values["adminDescription"] for name, values in found.items()} == {
        r"CN=Philip\, Fry": ["e1"],
        "CN=Leela": ["e2"],
        "CN=Amy Wong": ["e3"],
    }
    assert found[r"CN=Philip\, Fry"]["otherTelephone"] == ["1", "2"]
    assert found[r"CN=Philip\, Fry"]["sAMAccountName"] == [f"{forest.letters}e1"]
    assert found["CN=Leela"] | {"description": ["captain"]} == found["CN=Leela"]
    assert found["CN=Leela"]["otherTelephone"] == ["3"]
    assert int(found[r"CN=Philip\, Fry"]["userAccountControl"][0]) & 2, (
        "an account without a password is disabled"
    )
    after = {name: values["objectGUID"] for name, values in raw(forest).items()}
    assert (after["CN=Leela"], after["CN=Amy Wong"]) == (ids["CN=Leela"], ids["CN=Amy Kroker"])


def raw(forest: Forest) -> dict[str, dict[str, list[bytes]]]:
    found = forest.admin.search_s(
        f"OU=to,{forest.suffix}", ldap.SCOPE_SUBTREE, "(adminDescription=*)", ["objectGUID"]
    )
    return {dn.removesuffix(f",OU=to,{forest.suffix}"): entry for dn, entry in found}


def test_managers_are_resolved_in_circles_and_when_they_are_renamed(forest: Forest) -> None:
    """A domain controller refuses a name that is not there (yet)."""
    leela = forest.user("Leela", "e1", side="from")
    amy = forest.user("Amy", "e2", side="from", manager=leela)
    forest.set(leela, manager=amy)
    forest.user("Fry", "e3", side="from", manager=forest.user("Turanga", "e4", side="from"))
    own = forest.user("Hermes", "e5", side="from")
    forest.set(own, manager=own)
    forest.user("Fry", "e3", side="to")
    forest.user("T", "e4", side="to")
    definition = forest.collection(
        users_job(
            forest,
            {
                "manager": {
                    "resolve": "manager",
                    "match": "adminDescription",
                    "within": f"OU=to,{forest.suffix}",
                }
            },
        )
    )
    forest.succeed(definition)
    assert {name: values.get("manager") for name, values in forest.to("manager").items()} == {
        "CN=Leela": ["CN=Amy"],
        "CN=Amy": ["CN=Leela"],
        "CN=Fry": ["CN=Turanga"],
        "CN=Turanga": None,
        "CN=Hermes": ["CN=Hermes"],
    }
    forest.set(own, manager=None)
    forest.succeed(definition)
    assert "manager" not in forest.to("manager")["CN=Hermes"]


def test_groups_with_people_and_groups_in_them(forest: Forest) -> None:
    """Members are added and removed by their key; nested groups are created in whatever order they need."""
    people = [forest.user(f"P{i}", f"e{i}", side="from") for i in range(5)]
    inner = forest.group("Inner", "g1", side="from", member=people[:3])
    outer = forest.group("Outer", "g2", side="from", member=[people[3], inner])
    forest.set(inner, member=[*people[:3], outer])
    old = [forest.user(f"P{i}", f"e{i}", side="to") for i in (3, 4)]
    forest.group("Outer", "g2", side="to", member=old)
    forest.group("Gone", "g3", side="to", member=old)
    groups = forest.job(
        "group",
        {
            "sAMAccountName": {"template": forest.letters + "{{ adminDescription }}"},
            "member": {"members": "member", "match": "adminDescription", "within": f"OU=to,{forest.suffix}"},
        },
        missing_at_source="delete",
        remove="all",
    )
    definition = forest.collection(users_job(forest), groups)
    forest.succeed(definition)
    members = {
        name: values.get("member")
        for name, values in forest.to("member", filter="(objectClass=group)").items()
    }
    assert members == {"CN=Inner": ["CN=Outer", "CN=P0", "CN=P1", "CN=P2"], "CN=Outer": ["CN=Inner", "CN=P3"]}


def test_objects_are_moved_to_computed_containers_and_when_they_leave(forest: Forest) -> None:
    """`move_existing` moves with a rename in one step; who is missing is moved once, and stays there."""
    for unit in ("OU=Sales,OU=to", "OU=Crew,OU=to", "OU=Left,OU=to"):
        forest.add(unit, objectClass="organizationalUnit")
    forest.user("Fry", "e1", side="from", department="Crew")
    forest.user("Amy Wong", "e2", side="from", department="Sales")
    forest.user("Hermes", "e3", side="from", department="None")
    forest.user("Amy", "e2", side="to", below="OU=Crew,")
    forest.user("Zapp", "e4", side="to", below="OU=Sales,")
    place = {
        "container": {"template": f"OU={{{{ department }}}},OU=to,{forest.suffix}"},
        "base": f"OU=to,{forest.suffix}",
    }
    left = {"move": f"OU=Left,OU=to,{forest.suffix}"}
    definition = forest.collection(
        users_job(forest, destination={**place, "move_existing": True}, missing_at_source=left, remove="all")
    )
    (result,) = forest.run(definition)
    assert result.state is JobState.SUCCESS_WITH_ERRORS
    assert [(problem.key, "OU=None" in problem.message) for problem in result.problems] == [("e3", True)]
    assert {name: values["adminDescription"] for name, values in forest.to("adminDescription").items()} == {
        "CN=Fry,OU=Crew": ["e1"],
        "CN=Amy Wong,OU=Sales": ["e2"],
        "CN=Zapp,OU=Left": ["e4"],
    }
    assert forest.left(definition) == []


def test_a_search_at_the_root_of_the_domain_is_complete(forest: Forest) -> None:
    """The domain's own references to its other partitions are no reason to call a listing incomplete."""
    forest.user("Fry", "e1", side="from")
    job = users_job(
        forest, destination={"base": forest.samba.suffix, "filter": f"(sAMAccountName={forest.letters}*)"}
    )
    job["source"] = {
        "connection": "corp",
        "container": forest.samba.suffix,
        "filter": f"(userPrincipalName={forest.letters}e1@corp)",
    }
    forest.user("Zapp", "e2", side="to")
    forest.succeed(forest.collection(job))
    assert sorted(forest.to("adminDescription")) == ["CN=Fry", "CN=Zapp"]


def test_an_object_that_somebody_changed_meanwhile_is_left_alone(forest: Forest) -> None:
    """Changed, renamed or deleted between plan and apply: a conflict on that object; the others go on."""
    for i in range(4):
        forest.user(f"U{i}", f"e{i}", side="from", description="new")
    targets = [forest.user(f"U{i}", f"e{i}", side="to", description="old") for i in range(4)]
    forest.user("Gone", "e9", side="to", description="old")

    def meddle() -> None:
        forest.before_apply = lambda: None
        forest.set(targets[0], description="somebody else's")
        forest.admin.rename_s(targets[1], "CN=Other")
        forest.admin.delete_s(targets[2])
        forest.set(f"CN=Gone,OU=to,{forest.suffix}", description="still needed")

    forest.before_apply = meddle
    definition = forest.collection(users_job(forest, missing_at_source="delete", remove="all"))
    (result,) = forest.run(definition)
    assert result.state is JobState.CONFLICTS, result.message
    assert result.statistics.conflicts == 4
    assert {name: values.get("description") for name, values in forest.to("description").items()} == {
        "CN=U0": ["somebody else's"],
        "CN=Other": ["old"],
        "CN=U3": ["new"],
        "CN=Gone": ["still needed"],
    }
    forest.succeed(definition)
    assert {name: values.get("description") for name, values in forest.to("description").items()} == {
        f"CN=U{i}": ["new"] for i in range(4)
    }


def test_exact_spelling(forest: Forest) -> None:
    """Fields and the common name get the new spelling; references are spelled by the server, so they are no
    difference.
    """
    boss = forest.user("boss", "boss", side="to")
    forest.user("ANN MCDONALD", "ann", side="to", displayName="ANN MCDONALD", manager=boss)
    forest.user(
        "Ann McDonald",
        "ann",
        side="from",
        displayName="Ann McDonald",
        info=boss.replace("CN=boss", "CN=Boss"),
    )
    fields = {
        "cn": {"from": "cn", "exact": True},
        "sn": {"from": "sn", "exact": True},
        "displayName": {"from": "displayName", "exact": True},
        "manager": {"from": "info", "exact": True},
    }
    (result,) = forest.run(forest.collection(forest.job("user", fields, missing_at_destination="skip")))
    assert result.statistics.updated == 1
    found = forest.to("cn", "sn", "displayName", filter="(adminDisplayName=ann)")
    assert found == {
        "CN=Ann McDonald": {"cn": ["Ann McDonald"], "sn": ["Ann McDonald"], "displayName": ["Ann McDonald"]}
    }
