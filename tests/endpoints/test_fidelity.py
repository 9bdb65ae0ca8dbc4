"""What a plan says is what happens: plans of random directories, carried out on real servers, by us and by
`ldapmodify`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ldap.dn import escape_dn_chars
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.cli.preview_formats import render_changes
from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.plan.model import EMPTY_SOURCE
from directory_sync.run.collection import preview_collection, run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios.new_store import new_store
from tests.scenarios.slapd import Database, Slapd, SlapdMissing, slapd_root

SOURCE, DESTINATION = "dc=source", "dc=destination"
DATA = Path(__file__).parent.parent / "scenarios" / "data"
Entries = dict[str, dict[str, list[bytes]]]


@dataclass
class Connections:
    """Connections to throwaway servers."""

    servers: dict[str, Slapd] = field(default_factory=dict)

    def get(self, connection_id: str) -> ConnectionInfo:
        slapd = self.servers[connection_id]
        admin = next(each.admin for each in slapd.databases)
        return ConnectionInfo(
            connection_id,
            "ldap",
            "127.0.0.1",
            slapd.port,
            admin,
            slapd.password,
            extra={"security": "none", "page_size": 3},
        )


@dataclass
class World:
    """A source, a destination, and a copy of the destination for the independent tool."""

    source: Slapd
    destination: Slapd
    copy: Slapd
    deployment: Deployment
    store: Store
    runs: int = 0

    def reset(self, source: str, destination: str) -> None:
        """Give the servers this content, below their suffix entries."""
        for slapd, text in ((self.source, source), (self.destination, destination), (self.copy, destination)):
            clear(slapd)
            modify(slapd, text, "-a")

    def preview(self, collection: Collection) -> list[JobResult]:
        deployment = self.deployment
        return list(
            preview_collection(
                collection, collection.jobs, deployment=deployment, store=self.store, progress=silent
            )
        )

    def run(self, collection: Collection) -> list[JobResult]:
        self.runs += 1
        snapshot = self.store.runs.start(
            collection, f"run {self.runs}", trigger="test", requester="test", verified=False
        )
        return list(
            run_collection(
                snapshot,
                snapshot.collection.jobs,
                deployment=self.deployment,
                store=self.store,
                holder="test",
                progress=silent,
            )
        )


def silent(job: Job) -> Any:
    return lambda stage, done, total: None


def connect(slapd: Slapd) -> SimpleLDAPObject:
    connection = ldap.initialize(slapd.uri)
    connection.simple_bind_s(slapd.admin, slapd.password)
    return connection


def clear(slapd: Slapd) -> None:
    connection = connect(slapd)
    found = connection.search_s(slapd.suffix, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
    for dn, _ in sorted(found, key=lambda item: -len(ldap.dn.explode_dn(item[0]))):
        if dn.lower() != slapd.suffix:
            connection.delete_s(dn)
    connection.unbind_s()


def modify(slapd: Slapd, ldif: str, *options: str) -> None:
    """Let OpenLDAP's own tool carry out LDIF; it stops at the first error."""
    done = subprocess.run(
        ["ldapmodify", "-x", *options, "-H", slapd.uri, "-D", slapd.admin, "-w", slapd.password],
        input=ldif,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "LDAPNOINIT": "1"},
    )
    assert done.returncode == 0, f"{done.stderr}\n{ldif}"


def content(slapd: Slapd) -> Entries:
    """Everything but operational attributes, with sorted values, by normalised DN."""
    connection = connect(slapd)
    found = connection.search_s(slapd.suffix, ldap.SCOPE_SUBTREE)
    connection.unbind_s()
    return {
        ldap.dn.dn2str(ldap.dn.str2dn(dn)).lower(): {k: sorted(v) for k, v in values.items()}
        for dn, values in found
    }


def organisation(dc: str) -> str:
    return f"dn: dc={dc}\nobjectClass: dcObject\nobjectClass: organization\ndc: {dc}\no: {dc}\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three servers and a store for all examples of a test."""
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("fidelity")
    url = new_store(folder / "store.db")
    overlays = {
        "refint": ["refint_attributes member manager"],
        "unique": ["unique_uri ldap:///?employeeNumber?sub"],
    }
    referential = Database(DESTINATION, overlays=overlays)
    with (
        Slapd(SOURCE) as source,
        Slapd(referential) as destination,
        Slapd(referential) as copy,
        Store.open(url) as store,
    ):
        for slapd in (source, destination, copy):
            slapd.stop()
            slapd.load(organisation(slapd.suffix.removeprefix("dc=")))
            slapd.start()
        connections = Connections({"source": source, "destination": destination})
        yield World(source, destination, copy, Deployment(connections, folder), store)


NAMES = st.sampled_from(
    [
        "Ann",
        "ann",
        "Bob B",
        "Cid, Jr.",
        'Dee "D"',
        "Eve+Eva",
        "#1",
        " lead",
        "José",
        "Łukasz",
        "李",
        "a\\b",
        "x=y;z",
        "<tag>",
        "*(|)",
    ]
)
TEXTS = st.sampled_from(
    ["x", "X", "two  words", "Two Words", "größe", "=1+1", "{{ x }}", "(uid=*)", "a;b", "%NOW%"]
)


@st.composite
def people(draw: st.DrawFn, suffix: str) -> str:
    """LDIF of an ou with some people; uid and employeeNumber are unique, cn mostly."""
    lines = [f"dn: ou=people,{suffix}", "objectClass: organizationalUnit", "ou: people", ""]
    used: set[str] = set()
    badges = iter(draw(st.permutations([f"n{number}" for number in range(7)])))
    for uid in sorted(draw(st.sets(st.integers(0, 7), max_size=6))):
        cn = draw(NAMES)
        if " ".join(cn.split()).lower() in used:
            cn = f"{cn} {uid}"
        used.add(" ".join(cn.split()).lower())
        values = {
            "objectClass": ["inetOrgPerson"],
            "uid": [f"U{uid}" if draw(st.booleans()) else f"u{uid}"],
            "cn": [cn],
            "sn": [draw(TEXTS)],
            "title": draw(st.lists(TEXTS, max_size=1)),
            "employeeNumber": [next(badges)] if draw(st.integers(0, 4)) else [],
            "mail": draw(
                st.lists(st.sampled_from(["a@x", "A@x", "b@x", "c@x"]), max_size=3, unique_by=str.lower)
            ),
            "description": draw(
                st.lists(TEXTS, max_size=2, unique_by=lambda text: " ".join(text.lower().split()))
            ),
            "jpegPhoto": draw(st.lists(st.sampled_from(["\x00\x01", "\xff\xd8x"]), max_size=1)),
        }
        lines.append(encoded("dn", f"cn={escape_dn_chars(cn)},ou=people,{suffix}"))
        lines += [
            encoded(name, value, "latin-1" if name == "jpegPhoto" else "utf-8")
            for name, held in values.items()
            for value in held
        ]
        lines.append("")
    return "\n".join(lines)


def encoded(name: str, value: str, encoding: str = "utf-8") -> str:
    import base64

    return f"{name}:: {base64.b64encode(value.encode(encoding)).decode()}"


FIELDS: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "sn": {"from": "sn"},
    "title": "title",
    "mail": "mail",
    "description": "description",
    "jpegPhoto": "jpegPhoto",
}
VARIANTS: dict[str, Any] = {
    "title": {"template": "{{ title|upper }}"},
    "description": {"from": "description", "keep_if_empty": True},
    "mail": {"from": "mail", "new_only": True},
    "sn": {"join": ["sn", "title"]},
}


def collection(fields: dict[str, Any], **job: Any) -> Collection:
    return Collection.model_validate(
        {
            "name": "corp",
            "limits": dict.fromkeys(("delete", "move", "clear", "members", "memberships"), "none"),
            "jobs": [
                {
                    "name": "people",
                    "on_failure": "continue",
                    "source": {
                        "connection": "source",
                        "container": f"ou=people,{SOURCE}",
                        "filter": "(objectClass=inetOrgPerson)",
                    },
                    "destination": {
                        "connection": "destination",
                        "container": f"ou=people,{DESTINATION}",
                        "filter": "(objectClass=inetOrgPerson)",
                    },
                    "object": "inetOrgPerson",
                    "fields": fields,
                    "remove": "all",
                    **job,
                }
            ],
        }
    )


@settings(
    # `FIDELITY=300 make chaos` compares that many pairs of directories.
    max_examples=int(os.environ.get("FIDELITY", "25")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    source=people(SOURCE),
    destination=people(DESTINATION),
    variants=st.sets(st.sampled_from(sorted(VARIANTS))),
    missing=st.sampled_from(["skip", "delete"]),
)
def test_preview_run_and_independent_tool_agree(
    world: World, source: str, destination: str, variants: set[str], missing: str
) -> None:
    """A preview writes nothing; a run changes exactly what it said; `ldapmodify` with the preview's LDIF does
    the same.

    Afterwards nothing is left to do.
    """
    world.reset(source, destination)
    # Who stays keeps the number, whoever else has it at the source; the server allows each number once.
    numbers = {"employeeNumber": "employeeNumber"} if missing == "delete" else {}
    fields = {**FIELDS, **numbers, **{name: VARIANTS[name] for name in variants}}
    definition = collection(fields, missing_at_source=missing)
    before = world.source.dump(), world.destination.dump()
    (preview,) = world.preview(definition)
    assert (world.source.dump(), world.destination.dump()) == before
    if any(check.exceeded and check.kind == EMPTY_SOURCE for check in preview.limits):
        # A source without records, or without values of a field: the run stops as the preview says.
        (result,) = world.run(definition)
        assert (preview.state, result.state) == (JobState.STOPPED_BY_LIMIT,) * 2
        assert (world.source.dump(), world.destination.dump()) == before
        return
    assert preview.state is JobState.PREVIEWED, preview.message
    assume(not (numbers and preview.problems))
    ldif = "".join(render_changes(definition, definition.jobs[0], preview.changes, world.deployment))
    modify(world.copy, ldif)
    (result,) = world.run(definition)
    assert world.source.dump() == before[0]
    assert result.digest == preview.digest
    assert [o.message for o in result.outcomes.values()] == []
    assert result.statistics == preview.statistics
    assert content(world.destination) == content(world.copy)
    (again,) = world.preview(definition)
    assert list(again.changes) == []
    # The only records without an object are those that were told as problems.
    assert again.statistics.errors == preview.statistics.errors


def test_difficult_names_survive(world: World) -> None:
    """Every person of a file of difficult DNs (spaces, quotes, Unicode, multi-valued RDNs) is created and
    found again.
    """
    fixture = (DATA / "sevenseas" / "TestFixture.ldif").read_text().replace("dc=example,dc=org", SOURCE)
    empty = f"dn: ou=people,{DESTINATION}\nobjectClass: organizationalUnit\n\n"
    world.reset(organizational_units("misc") + people_of(fixture), empty)
    definition = collection(
        {"cn": {"from": "cn"}, "sn": {"from": "sn", "key": True}},
        source={"connection": "source", "container": SOURCE, "filter": "(objectClass=person)"},
    )
    (result,) = world.run(definition)
    created = {change.object for change in result.changes}
    # Two entries are called Jensen: the one record of two with the same key is an error on both.
    assert [problem.key for problem in result.problems] == ["Jensen", "Jensen"]
    assert rf"cn=\"\+\,\;\<\>\\,ou=people,{DESTINATION}" in created
    assert rf"cn=\#123456,ou=people,{DESTINATION}" in created
    assert rf"cn=trailing=,ou=people,{DESTINATION}" in {
        name.replace(r"\3D", "=").replace(r"\=", "=") for name in created
    }
    assert any("Wolfgang" in name for name in created)
    assert all(outcome.message == "" for outcome in result.outcomes.values())
    (again,) = world.preview(definition)
    assert list(again.changes) == []


def organizational_units(*names: str) -> str:
    return "".join(
        f"dn: ou={name},{SOURCE}\nobjectClass: organizationalUnit\nou: {name}\n\n" for name in names
    )


def people_of(ldif: str) -> str:
    """The inetOrgPerson entries of an LDIF text, without classes that a bare server lacks."""
    blocks = [block.strip() for block in ldif.split("\n\n")]
    kept = [
        block[max(0, block.find("dn:")) :]
        for block in blocks
        if "objectClass: person" in block
        and "extensibleObject" not in block
        and ("ou=misc" in block or "V29sZmdhbmc" in block)
    ]
    base = "dn:: Y249V29sZmdhbmcgS8O2bGJlbCxvdT1taXNjLGRjPWV4YW1wbGUsZGM9b3Jn"
    name = f"dn: cn=Wolfgang Kölbel,ou=misc,{SOURCE}"
    return "\n\n".join(kept).replace(base, encoded("dn", name.removeprefix("dn: "))) + "\n\n"


def test_jobs_are_planned_on_top_of_each_other(world: World) -> None:
    """A preview of containers, people and groups says what the run then does, though each needs what the one
    before creates.
    """
    staff = "\n".join(
        [
            f"dn: ou=people,{SOURCE}\nobjectClass: organizationalUnit\n",
            *(
                f"dn: cn=P{i},ou=people,{SOURCE}\nobjectClass: inetOrgPerson\nsn: S\nuid: p{i}\n"
                f"manager: cn=P{(i + 1) % 3},ou=people,{SOURCE}\n"
                for i in range(3)
            ),
            *(
                f"dn: cn=G{i},ou=people,{SOURCE}\nobjectClass: groupOfNames\nmember:"
                f" cn=P{i},ou=people,{SOURCE}\n"
                f"member: cn=G{(i + 1) % 2},ou=people,{SOURCE}\n"
                for i in range(2)
            ),
            f"dn: ou=units,{SOURCE}\nobjectClass: organizationalUnit\n",
            (
                f"dn: ou=inner,ou=units,{SOURCE}\nobjectClass: organizationalUnit\ndescription:"
                f" ou=new,{DESTINATION}\n"
            ),
            f"dn: ou=new,ou=units,{SOURCE}\nobjectClass: organizationalUnit\ndescription: {DESTINATION}\n",
        ]
    )
    world.reset(staff, "")

    def directory(side: str, container: str, filter: str) -> dict[str, Any]:
        return {"connection": side, "container": container, "filter": filter}

    people_filter, group_filter, unit_filter = (
        "(objectClass=inetOrgPerson)",
        "(objectClass=groupOfNames)",
        "(description=*)",
    )
    inner = f"ou=inner,ou=new,{DESTINATION}"
    definition = Collection.model_validate(
        {
            "name": "corp",
            "jobs": [
                {
                    "name": "units",
                    "source": directory("source", f"ou=units,{SOURCE}", unit_filter),
                    "destination": {
                        "connection": "destination",
                        "container": {"field": "description"},
                        "base": DESTINATION,
                        "filter": "(objectClass=organizationalUnit)",
                    },
                    "object": "organizationalUnit",
                    "fields": {"ou": {"from": "ou", "key": True}},
                },
                {
                    "name": "people",
                    "source": directory("source", f"ou=people,{SOURCE}", people_filter),
                    "destination": directory("destination", inner, people_filter),
                    "object": "inetOrgPerson",
                    "fields": {
                        "uid": {"from": "uid", "key": True},
                        "cn": "cn",
                        "sn": "sn",
                        "manager": {"resolve": "manager", "match": "uid"},
                    },
                },
                {
                    "name": "groups",
                    "source": directory("source", f"ou=people,{SOURCE}", group_filter),
                    "destination": directory("destination", inner, group_filter),
                    "object": "group",
                    "fields": {
                        "cn": {"from": "cn", "key": True},
                        "member": {"members": "member", "match": "cn"},
                    },
                },
            ],
        }
    )
    previews = world.preview(definition)
    assert [each.state for each in previews] == [JobState.PREVIEWED] * 3, [each.message for each in previews]
    assert [len(each.changes) for each in previews] == [2, 3, 2]
    results = world.run(definition)
    assert [each.state for each in results] == [JobState.SUCCESS] * 3, [
        (each.message, each.outcomes) for each in results
    ]
    for planned, done in zip(previews, results, strict=True):
        assert list(planned.changes) == list(done.changes)
        assert planned.digest == done.digest
    found = content(world.destination)
    assert sorted(found[f"cn=g0,{inner}".lower()]["member"]) == sorted(
        f"cn={name},{inner}".encode() for name in ("P0", "G1")
    )
    assert found[f"cn=p0,{inner}".lower()]["manager"] == [f"cn=P1,{inner}".encode()]
    assert [len(each.changes) for each in world.preview(definition)] == [0, 0, 0]


def test_members_follow_a_rename_in_a_preview_as_in_a_run(world: World) -> None:
    """An earlier job renames everybody: the server lets members follow, so neither preview nor run changes
    the group for it.
    """
    people_filter, group_filter = "(objectClass=inetOrgPerson)", "(objectClass=groupOfNames)"
    group = "dn: cn=G,ou=people,{0}\nobjectClass: groupOfNames\n" + "".join(
        f"member: cn=P{i},ou=people,{{0}}\n" for i in range(20)
    )
    old = staff_of(20) + group.format(DESTINATION)
    new = (staff_of(20) + group.format(DESTINATION)).replace(DESTINATION, SOURCE).replace("cn=P", "cn=New")
    world.reset(new, old)
    people = collection(
        {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn"}, missing_at_source="delete"
    ).jobs[0]
    container = f"ou=people,{SOURCE}"
    groups = {
        "name": "groups",
        "source": {"connection": "source", "container": container, "filter": group_filter},
        "destination": {
            "connection": "destination",
            "container": f"ou=people,{DESTINATION}",
            "filter": group_filter,
        },
        "object": "group",
        "fields": {"cn": {"from": "cn", "key": True}, "member": {"members": "member", "match": "uid"}},
    }
    definition = Collection.model_validate(
        {"name": "corp", "jobs": [people.model_dump(by_alias=True), groups]}
    )
    assert people.source.filter == people_filter  # type: ignore[union-attr]
    previews = world.preview(definition)
    assert [(each.state, len(each.changes)) for each in previews] == [
        (JobState.PREVIEWED, 20),
        (JobState.PREVIEWED, 0),
    ]
    results = world.run(definition)
    assert [(each.state, len(each.changes)) for each in results] == [
        (JobState.SUCCESS, 20),
        (JobState.SUCCESS, 0),
    ]
    members = content(world.destination)[f"cn=g,ou=people,{DESTINATION}"]["member"]
    assert members == sorted(f"cn=New{i},ou=people,{DESTINATION}".encode() for i in range(20))


def test_an_empty_source_stops_at_the_limit(world: World) -> None:
    """A source that suddenly holds nothing deletes nothing: the default limit stops the job before its first
    write.
    """
    world.reset(f"dn: ou=people,{SOURCE}\nobjectClass: organizationalUnit\n", staff_of(20))
    definition = collection(FIELDS, missing_at_source="delete").model_copy(update={"limits": {}})
    before = world.destination.dump()
    (result,) = world.run(definition)
    assert result.state is JobState.STOPPED_BY_LIMIT
    exceeded = {check.kind: check.planned for check in result.limits if check.exceeded}
    assert exceeded == {"delete+disable+move": 20, EMPTY_SOURCE: 20}
    assert result.statistics.deleted == 0
    assert world.destination.dump() == before


def staff_of(number: int) -> str:
    return f"dn: ou=people,{DESTINATION}\nobjectClass: organizationalUnit\n\n" + "".join(
        f"dn: cn=P{i},ou=people,{DESTINATION}\nobjectClass: inetOrgPerson\nsn: S\nuid: p{i}\n\n"
        for i in range(number)
    )


def test_a_size_limit_on_the_server_deletes_nobody(world: World) -> None:
    """A listing that the source's server cuts off is not complete, so the job fails and says who cut it; no
    object is deleted.
    """
    text = staff_of(20).replace(DESTINATION, SOURCE)
    world.reset(text, staff_of(20))
    limited = Slapd(
        Database(
            SOURCE, lines=['limits dn.exact="cn=reader,dc=source" size.soft=5 size.hard=5 size.prtotal=5']
        )
    )
    with limited:
        limited.stop()
        reader = (
            f"dn: cn=reader,{SOURCE}\nobjectClass: person\nsn: reader\nuserPassword: {limited.password}\n\n"
        )
        limited.load(organisation("source") + "\n" + reader + text)
        limited.start()

        class Reader(Connections):
            def get(self, connection_id: str) -> ConnectionInfo:
                if connection_id == "destination":
                    return super().get(connection_id)
                login, password = f"cn=reader,{SOURCE}", limited.password
                return ConnectionInfo(
                    "source", "ldap", "127.0.0.1", limited.port, login, password, extra={"security": "none"}
                )

        deployment = Deployment(Reader({"destination": world.destination}), world.deployment.data_folder)
        definition = collection(FIELDS, missing_at_source="delete", limits={"delete": "none"})
        before = world.destination.dump()
        snapshot = world.store.runs.start(
            definition, "limited", trigger="test", requester="test", verified=False
        )
        (result,) = run_collection(
            snapshot,
            definition.jobs,
            deployment=deployment,
            store=world.store,
            holder="test",
            progress=silent,
        )
        assert result.state is JobState.INCOMPLETE
        assert "size" in result.message.lower()
        assert "connection source" in result.message
        assert world.destination.dump() == before
