"""Checks of a collection as a whole, and of what its jobs have besides endpoints and fields: schedule, time
zone, period, people to tell, names of jobs, approval policies: that someone can decide, and that what they
name exists.
"""

from __future__ import annotations

from collections.abc import Collection as Known
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from directory_sync.definition.approval import impossible_name
from directory_sync.definition.checks.syntax import mail_wrong, timezone_wrong
from directory_sync.definition.mail_addresses import checked_address
from directory_sync.definition.models import OWNERS, ApprovalPolicy, Approvers, Collection, Every, Job
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Code, Problem, suggest
from directory_sync.definition.schedules import schedule_problem

_MAX_TAG = 100
"""Airflow's limit for a DAG's tag."""
_MAX_COLUMN = 2_000
"""Airflow's limit for a DAG's title, and for all its owners together."""


def check_collection(collection: Collection, places: Places, jobs: Sequence[int]) -> Iterator[Problem]:
    """Check everything outside of the jobs, and that the jobs' names are unique."""
    yield from _check_schedule(collection, places)
    yield from _check_texts(collection, places)
    yield from _check_notifications(collection, places)
    first: dict[str, int] = {}
    for index, job in zip(jobs, collection.jobs, strict=True):
        if job.name in first:
            line = places.value(("jobs", first[job.name], "name")).line
            yield places.problem(
                ("jobs", index, "name"),
                f"another job is called {job.name} too, in line {line}",
                "give each job of the collection a name of its own",
            )
        first.setdefault(job.name, index)


def _check_schedule(collection: Collection, places: Places) -> Iterator[Problem]:
    schedule = collection.schedule
    parts: list[tuple[Path, str | Every]] = []
    if isinstance(schedule, list):
        parts = [(("schedule", index), part) for index, part in enumerate(schedule)]
    elif schedule is not None:
        parts = [(("schedule",), schedule)]
    for path, part in parts:
        if isinstance(part, str) and (wrong := schedule_problem(part)):
            yield replace(places.problem(path, *wrong, code=Code.SCHEDULE), given=part)
    zone = timezone_wrong(collection.timezone)
    if zone:
        yield places.problem(("timezone",), *zone)
    start, end = (
        _moment(moment, "UTC" if zone else collection.timezone)
        for moment in (collection.start, collection.end)
    )
    if start and end and end <= start:
        yield places.problem(
            ("end",),
            "is not after start",
            "an expired schedule fires no more; give a later end or leave it out",
        )
    if schedule is None:
        for name, moment in (("start", start), ("end", end)):
            if moment:
                hint = "give a schedule, or leave it out"
                yield places.problem(
                    (name,), "has no effect without a schedule", hint, severity="warning", at_key=True
                )


def _moment(value: date | datetime | None, zone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _check_notifications(collection: Collection, places: Places) -> Iterator[Problem]:
    if collection.notifications is None:
        return
    seen: set[str] = set()
    for index, addressee in enumerate(collection.notifications.to):
        path = ("notifications", "to", index)
        if isinstance(addressee, Approvers):
            yield from _check_group(addressee, path, places)
            continue
        if addressee in seen:
            yield places.problem(path, "is given twice", "leave one out", severity="warning")
        seen.add(addressee)
        if addressee == OWNERS:
            if not collection.owners:
                hint = "give the collection owners, or leave this out"
                yield places.problem(path, "names no one: there are no owners", hint, severity="warning")
        elif wrong := mail_wrong(addressee):
            yield places.problem(path, wrong[0], suggest(addressee, [OWNERS]) or wrong[1])
        elif checked_address(addressee) is None:
            yield places.problem(
                path,
                "is an address that mail cannot be sent to",
                "use letters of ASCII before the @, and a domain that exists",
                severity="warning",
            )


def _check_texts(collection: Collection, places: Places) -> Iterator[Problem]:
    for index, tag in enumerate(collection.tags):
        if len(tag) > _MAX_TAG:
            yield places.problem(
                ("tags", index), f"has more than {_MAX_TAG} characters", "Airflow takes shorter tags only"
            )
    # With longer ones, an Airflow on PostgreSQL would go on with the DAG as it was, and tell only its log.
    if len(collection.title or "") > _MAX_COLUMN:
        yield places.problem(
            ("title",), f"has more than {_MAX_COLUMN:,} characters", "Airflow takes shorter titles only"
        )
    if len(", ".join(collection.owners)) > _MAX_COLUMN:
        yield places.problem(
            ("owners",),
            f"has more than {_MAX_COLUMN:,} characters with all names together",
            "Airflow takes fewer owners only",
        )
    for index, owner in enumerate(collection.owners):
        if "," in owner:
            yield places.problem(("owners", index), "holds a comma", "give each owner as an item of the list")
    for key, texts in (("tags", collection.tags), ("owners", collection.owners)):
        seen: set[str] = set()
        for index, text in enumerate(texts):
            if text in seen:
                yield places.problem((key, index), "is given twice", "leave one out", severity="warning")
            seen.add(text)


def check_job(job: Job, policy: ApprovalPolicy | None, path: Path, places: Places) -> Iterator[Problem]:
    """Check a job; `policy` is the approval policy that counts for it."""
    if job.wait_for_approval and policy is None:
        yield places.problem(
            (*path, "wait_for_approval"),
            "has no effect: the job needs no approval",
            "give it an approval policy, or leave this out",
            severity="warning",
            at_key=True,
        )


def check_policy(policy: ApprovalPolicy, path: Path, fields: Known[str], places: Places) -> Iterator[Problem]:
    """Check a policy; `fields` are the destination fields of the jobs that it counts for."""
    people = set(policy.approvers.users)
    if isinstance(policy.require, int) and not policy.approvers.roles and policy.require > len(people):
        yield places.problem(
            (*path, "require"),
            f"needs {policy.require} people, but only {len(people)} may approve",
            f"name more users or a role, or require at most {len(people)}",
        )
    known = {name.lower() for name in fields}
    for index, name in enumerate(policy.fields or ()):
        if name.lower() not in known:
            hint = suggest(name, fields) or "name a field that the job writes"
            yield places.problem(
                (*path, "fields", index), f"no job under this policy writes the field {name}", hint
            )
    yield from check_names(policy, path, places)
    if policy.escalation is None:
        return
    if not policy.escalation.levels and policy.escalation.default is None:
        yield places.problem(
            (*path, "escalation"), "has no one to ask next", "give levels, default, or both", at_key=True
        )
    if policy.expires and policy.expires <= policy.escalation.after:
        yield places.problem(
            (*path, "expires"),
            "the request ends before it would be escalated",
            "give a longer time than escalation's after",
            severity="warning",
        )


def check_names(policy: ApprovalPolicy, path: Path, places: Places) -> Iterator[Problem]:
    """Check that everyone named by the policy can exist."""
    groups: list[tuple[Path, Approvers]] = [((*path, "approvers"), policy.approvers)]
    if policy.escalation is not None:
        levels = enumerate(policy.escalation.levels)
        groups += [
            ((*path, "escalation", "levels", i), level) for i, level in levels if isinstance(level, Approvers)
        ]
        if policy.escalation.default is not None:
            groups.append(((*path, "escalation", "default"), policy.escalation.default))
    for place, group in groups:
        yield from _check_group(group, place, places)


def _check_group(group: Approvers, path: Path, places: Places) -> Iterator[Problem]:
    for kind, names in (("users", group.users), ("roles", group.roles)):
        for index, name in enumerate(names):
            if wrong := impossible_name(name):
                hint = "write the name as Airflow shows it"
                yield places.problem(
                    (*path, kind, index), f"no {kind[:-1]} can have this name: it {wrong}", hint
                )
