"""Jobs between two directories in memory, planned and carried out in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.contract import Destination, FieldRule, Source
from directory_sync.plan.build import make_plan
from directory_sync.plan.listing import ReadSides
from directory_sync.plan.mapping.transform import CompiledMapping, compile_mapping
from directory_sync.plan.model import Plan
from tests.scenarios.memory_directory import MemoryDirectory, fold
from tests.scenarios.reading import read_here

FIELDS: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "mail": "mail"}
RULES = {name: FieldRule(name, reference=True, normalise=fold) for name in ("member", "manager")}
Values = str | bytes | list[str] | list[bytes]


def one_job(
    fields: Mapping[str, Any] = FIELDS, *, limits: Mapping[str, Any] | None = None, **job: Any
) -> Collection:
    """A collection of one job from `dc=s` to `dc=x`, without limits unless they are given."""
    destination = {"connection": "d", "container": "dc=x", "filter": "(uid=*)", **job.pop("destination", {})}
    one = {
        "name": "people",
        "source": {"connection": "s", "container": "dc=s"},
        "destination": destination,
        "object": "user",
        "fields": dict(fields),
        "remove": "all",
        **job,
    }
    none = dict.fromkeys(("delete", "clear", "members", "move"), "none")
    return Collection.model_validate(
        {"name": "corp", "limits": none if limits is None else limits, "jobs": [one]}
    )


def source_of(*records: Mapping[str, Values]) -> MemoryDirectory:
    """A source with these records, named `n=0,dc=s` and so on."""
    entries = {
        f"n={i},dc=s": {name: _bytes(values) for name, values in record.items()}
        for i, record in enumerate(records)
    }
    return MemoryDirectory(entries, base="dc=s", name="source", rules=dict(RULES))


def destination_of(
    objects: Mapping[str, Mapping[str, Values]] | None = None, /, **named: Mapping[str, Values]
) -> MemoryDirectory:
    """A destination with objects by id, and with `cn=NAME,dc=x` for each keyword."""
    entries = {
        id: {name: _bytes(values) for name, values in held.items()} for id, held in (objects or {}).items()
    }
    for cn, held in named.items():
        entries[f"cn={cn},dc=x"] = {
            "cn": [cn.encode()],
            **{name: _bytes(values) for name, values in held.items()},
        }
    return MemoryDirectory(entries, name="destination", rules=dict(RULES))


def plan_of(
    definition: Collection, source: Source, destination: Destination, *, read_sides: ReadSides = read_here
) -> Plan:
    """The plan of the collection's first job."""
    job = definition.jobs[0]
    return make_plan(
        definition, job, source, destination, mapping_of(job, source, destination), read_sides=read_sides
    )


def mapping_of(job: Job, source: Source, destination: Destination) -> CompiledMapping:
    """The job's mapping, compiled as a run does."""

    def single_in(endpoint: Source, name: str) -> bool:
        rule = endpoint.rule(name)
        return rule is not None and rule.single

    return compile_mapping(
        job,
        source_fields_known=None,
        single=lambda name: single_in(destination, name),
        naming_fields=destination.names.made_of(job.naming_attribute),
        source_single=lambda name: single_in(source, name),
        variables={
            "NOW": "now",
            "TODAY": "today",
            "COLLECTION": "corp",
            "JOB": "people",
            "RUN": "1",
            "HOST": "h",
        },
        scripts={},
    )


def actions(plan: Plan) -> list[tuple[str, str]]:
    """What the plan does: action and key."""
    return [(change.action.value, change.key) for change in plan.changes]


def carry_out(plan: Plan, destination: MemoryDirectory) -> list[str]:
    """Apply all changes; the messages of those that did not go through."""
    return [
        done.message
        for done in destination.write(enumerate(plan.changes), before_send=lambda: None)
        if done.message
    ]


def _bytes(values: Values) -> list[bytes]:
    held = values if isinstance(values, list) else [values]
    return [value.encode() if isinstance(value, str) else value for value in held]
