"""What differs between two versions of a definition, as codes and facts.

Words for them are in `directory_sync.present.definition_changes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from directory_sync.collections.loosening import effective_limit, is_harsher, is_within, loosened
from directory_sync.definition.export import job_definition
from directory_sync.definition.models import Collection, Job, LimitKind, Removal, format_limit
from directory_sync.definition.times import format_window

MOST = 300
"""Changes that are noted of one version; of the rest only how many there are."""
_LONGEST_FACT = 1_000
"""Characters of JSON that one value may have; of a longer one its length is noted."""
_LONGEST_KEY = 250
"""Characters of a key, which may be the name of a field."""


class ChangeCode(StrEnum):
    """What kind of change it is."""

    CREATED = "created"
    DELETED = "deleted"
    RENAMED = "renamed"
    """The collection has another name; `old` and `new` are the names."""
    RESTORED = "restored"
    """An earlier version was saved again; `new` is its number."""
    TEXT_ONLY = "text_only"
    """Comments, layout or spelling; the definition asks for the same."""
    UNKNOWN = "unknown"
    """This version of the package cannot read the version before, so what changed cannot be told."""
    MORE = "more"
    """`new` further changes."""

    POLICY_ADDED = "policy_added"
    POLICY_REMOVED = "policy_removed"
    POLICY_LOOSENED = "policy_loosened"
    POLICY_CHANGED = "policy_changed"
    LIMIT_RAISED = "limit_raised"
    LIMIT_REMOVED = "limit_removed"
    LIMIT_LOWERED = "limit_lowered"
    LIMIT_CHANGED = "limit_changed"
    """The two cannot be compared, or allow the same."""
    WINDOW_SHORTENED = "window_shortened"
    WINDOW_LENGTHENED = "window_lengthened"
    REMOVE_CHANGED = "remove_changed"
    MISSING_CHANGED = "missing_changed"

    CONNECTION_CHANGED = "connection_changed"
    PLACE_CHANGED = "place_changed"
    FILTER_CHANGED = "filter_changed"
    OBJECT_CHANGED = "object_changed"
    FIELD_ADDED = "field_added"
    FIELD_REMOVED = "field_removed"
    FIELD_CHANGED = "field_changed"
    FIELDS_REORDERED = "fields_reordered"
    KEYS_CHANGED = "keys_changed"

    JOB_ADDED = "job_added"
    JOB_REMOVED = "job_removed"
    JOBS_REORDERED = "jobs_reordered"
    JOB_ENABLED = "job_enabled"
    JOB_DISABLED = "job_disabled"
    SCHEDULE_CHANGED = "schedule_changed"
    OWNERS_CHANGED = "owners_changed"
    SETTING_CHANGED = "setting_changed"
    """Any other key."""


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """One difference.

    Attributes:
        code: what kind it is.
        job: the job that it is about; empty for the collection.
        key: of the definition, as in `source.filter`; of a field, its name.
        old, new: values as a definition holds them; None for none. A long one is `{"characters": 12345}`.
        parts: of a policy, the keys in which it is looser, or else another one; of an added job, the keys by
            which it is protected less than jobs before it.
        weakens: objects are protected less than before. It stands out wherever changes are listed.
    """

    code: ChangeCode
    job: str = ""
    key: str = ""
    old: Any = None
    new: Any = None
    parts: tuple[str, ...] = ()
    weakens: bool = False

    def to_json(self) -> dict[str, Any]:
        """The change as it is stored; `from_json` reads it back."""
        data: dict[str, Any] = {"code": self.code.value}
        data |= {name: value for name in ("job", "key") if (value := getattr(self, name))}
        data |= {name: value for name in ("old", "new") if (value := getattr(self, name)) is not None}
        if self.parts:
            data["parts"] = list(self.parts)
        if self.weakens:
            data["weakens"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one back. A code that only a later version knows becomes `unknown`, and stands out."""
        code = data.get("code")
        if code not in set(ChangeCode):
            return cls(ChangeCode.UNKNOWN, weakens=True)
        return cls(
            ChangeCode(code),
            str(data.get("job", "")),
            str(data.get("key", "")),
            data.get("old"),
            data.get("new"),
            tuple(data.get("parts", ())),
            bool(data.get("weakens", False)),
        )


def compare(old: Collection, new: Collection) -> tuple[DefinitionChange, ...]:
    """What differs, what protects less first; nothing only if both ask for the same in the same order."""
    found = [*_collection_changes(old, new), *_job_changes(old, new)]
    found += _inherited_only(old, new, found)
    found.sort(key=lambda change: not change.weakens)  # stable: within both, in the order of the definition
    bounded = [_bounded(change) for change in found[:MOST]]
    if len(found) > MOST:
        # They are sorted, so that the first of the rest tells whether any of them protects less.
        rest = found[MOST:]
        bounded.append(DefinitionChange(ChangeCode.MORE, new=len(rest), weakens=rest[0].weakens))
    return tuple(bounded)


def _bounded(change: DefinitionChange) -> DefinitionChange:
    def fact(value: Any) -> Any:
        length = len(json.dumps(value))
        return value if length <= _LONGEST_FACT else {"characters": length}

    return DefinitionChange(
        change.code,
        change.job,
        change.key if len(change.key) <= _LONGEST_KEY else f"{change.key[: _LONGEST_KEY - 1]}…",
        fact(change.old),
        fact(change.new),
        change.parts,
        change.weakens,
    )


# -- the collection ------------------------------------------------------------------------------------------

_SCHEDULE = ("schedule", "timezone", "start", "end")
_RULES = ("approval", "limits", "limit_window")
"""Keys that jobs inherit; how they count is compared job by job."""


def _collection_changes(old: Collection, new: Collection) -> Iterator[DefinitionChange]:
    before, now = (each.model_dump(mode="json", by_alias=True, exclude={"jobs"}) for each in (old, new))
    for key in now:
        if before[key] == now[key] or key in _RULES:
            continue
        code = (
            ChangeCode.SCHEDULE_CHANGED
            if key in _SCHEDULE
            else ChangeCode.OWNERS_CHANGED
            if key == "owners"
            else ChangeCode.SETTING_CHANGED
        )
        yield DefinitionChange(code, key=key, old=before[key], new=now[key])


def _job_changes(old: Collection, new: Collection) -> Iterator[DefinitionChange]:
    before, now = {job.name: job for job in old.jobs}, {job.name: job for job in new.jobs}
    for job in new.jobs:
        if job.name not in before:
            yield _added(old, new, job)
    for job in old.jobs:
        if job.name not in now:
            facts = _in_short(old, job)
            yield DefinitionChange(ChangeCode.JOB_REMOVED, job.name, old=facts)
    orders = [
        [job.name for job in jobs if job.name in before and job.name in now] for jobs in (old.jobs, new.jobs)
    ]
    if orders[0] != orders[1]:
        yield DefinitionChange(ChangeCode.JOBS_REORDERED, old=orders[0], new=orders[1])
    for job in new.jobs:
        if job.name in before:
            yield from _one_job(old, before[job.name], new, job)


def _added(old: Collection, new: Collection, job: Job) -> DefinitionChange:
    # A job that comes back by another name is no edit of itself: it would look harmless with a policy or with
    # limits that protect less.
    policies = [policy for each in old.jobs if (policy := old.policy_of(each)) is not None]
    policy = new.policy_of(job)
    parts = []
    if policy is not None and policies and all(loosened(each, policy) for each in policies):
        parts.append("approval")
    names = {each.name for each in new.jobs}
    gone = [each for each in old.jobs if each.name not in names]
    if gone and all(_limits_less(old, each, new, job) for each in gone):
        parts.append("limits")
    is_weaker = job.remove is Removal.ALL or bool(policies and policy is None) or bool(parts)
    facts = _in_short(new, job)
    return DefinitionChange(ChangeCode.JOB_ADDED, job.name, new=facts, parts=tuple(parts), weakens=is_weaker)


def _limits_less(old: Collection, before: Job, new: Collection, now: Job) -> bool:
    was, is_ = old.limits_of(before), new.limits_of(now)
    return new.window_of(now) < old.window_of(before) or any(
        not is_within(effective_limit(is_, kind), effective_limit(was, kind)) for kind in LimitKind
    )


def _in_short(collection: Collection, job: Job) -> dict[str, Any]:
    return {
        "position": [each.name for each in collection.jobs].index(job.name) + 1,
        "source": job.source.text,
        "destination": job.destination.text,
        "missing_at_source": job.model_dump(mode="json")["missing_at_source"],
        "remove": job.remove.value,
        "approval": collection.policy_of(job) is not None,
    }


# -- one job -------------------------------------------------------------------------------------------------

_OF_OBJECTS = ("object", "object_classes", "rdn")
_OWN_RULES = ("name", "enabled", "source", "destination", "missing_at_source", "remove", "fields", *_RULES)
"""Keys of a job that are compared by rules of their own."""
_ENDPOINT_CODES = {
    "connection": ChangeCode.CONNECTION_CHANGED,
    **dict.fromkeys(("container", "base", "table", "query", "file", "sheet"), ChangeCode.PLACE_CHANGED),
    **dict.fromkeys(("filter", "scope"), ChangeCode.FILTER_CHANGED),
}
_WEAKER_VALUES: Mapping[str, Any] = {
    "wait_for_approval": False,
    "destination.unmanaged_match": "reuse",
    "destination.move_existing": True,
    "destination.mode": "replace",
    "source.complete": True,
}
"""Key → the value that protects less than any other."""


def _one_job(old: Collection, before: Job, new: Collection, now: Job) -> Iterator[DefinitionChange]:
    name = now.name
    if before.enabled != now.enabled:
        yield DefinitionChange(ChangeCode.JOB_ENABLED if now.enabled else ChangeCode.JOB_DISABLED, name)
    yield from _policy_changes(old, before, new, now)
    yield from _limit_changes(old, before, new, now)
    was, is_ = (each.model_dump(mode="json", by_alias=True) for each in (before, now))
    if before.remove != now.remove:
        yield DefinitionChange(
            ChangeCode.REMOVE_CHANGED, name, "remove", was["remove"], is_["remove"],
            weakens=now.remove is Removal.ALL,
        )  # fmt: skip
    if before.missing_at_source != now.missing_at_source:
        harsher = is_harsher(now.missing_at_source, before.missing_at_source)
        key = "missing_at_source"
        yield DefinitionChange(ChangeCode.MISSING_CHANGED, name, key, was[key], is_[key], weakens=harsher)
    for side in ("source", "destination"):
        for part in dict.fromkeys([*was[side], *is_[side]]):
            code = _ENDPOINT_CODES.get(part, ChangeCode.SETTING_CHANGED)
            yield from _value_change(code, name, f"{side}.{part}", was[side].get(part), is_[side].get(part))
    for key in is_:
        if key not in _OWN_RULES:
            code = ChangeCode.OBJECT_CHANGED if key in _OF_OBJECTS else ChangeCode.SETTING_CHANGED
            yield from _value_change(code, name, key, was[key], is_[key])
    yield from _field_changes(before, now)


def _value_change(code: ChangeCode, job: str, key: str, old: Any, new: Any) -> Iterator[DefinitionChange]:
    if old != new:
        is_weaker = key in _WEAKER_VALUES and new == _WEAKER_VALUES[key]
        yield DefinitionChange(code, job, key, old, new, weakens=is_weaker)


def _policy_changes(old: Collection, before: Job, new: Collection, now: Job) -> Iterator[DefinitionChange]:
    was, is_ = old.policy_of(before), new.policy_of(now)
    if was == is_:
        return
    previous, present = (
        None if each is None else each.model_dump(mode="json", exclude_none=True) for each in (was, is_)
    )
    parts: tuple[str, ...] = ()
    if was is None:
        code = ChangeCode.POLICY_ADDED
    elif is_ is None:
        code = ChangeCode.POLICY_REMOVED
    elif parts := loosened(was, is_):
        code = ChangeCode.POLICY_LOOSENED
    else:
        code = ChangeCode.POLICY_CHANGED
        parts = tuple(name for name in type(is_).model_fields if getattr(was, name) != getattr(is_, name))
    is_weaker = code in (ChangeCode.POLICY_REMOVED, ChangeCode.POLICY_LOOSENED)
    yield DefinitionChange(code, now.name, "approval", previous, present, parts, is_weaker)


def _limit_changes(old: Collection, before: Job, new: Collection, now: Job) -> Iterator[DefinitionChange]:
    was, is_ = old.limits_of(before), new.limits_of(now)
    for kind in LimitKind:
        if was.get(kind) == is_.get(kind):
            continue
        previous, present = effective_limit(was, kind), effective_limit(is_, kind)
        within, held = is_within(present, previous), is_within(previous, present)
        if within:
            code = ChangeCode.LIMIT_CHANGED if held else ChangeCode.LIMIT_LOWERED
        elif present.percent is None and present.count is None:
            code = ChangeCode.LIMIT_REMOVED
        else:
            code = ChangeCode.LIMIT_RAISED if held else ChangeCode.LIMIT_CHANGED
        said = [format_limit(limits[kind]) if kind in limits else None for limits in (was, is_)]
        key = f"limits.{kind.value}"
        yield DefinitionChange(code, now.name, key, said[0], said[1], weakens=not within)
    previous_window, window = old.window_of(before), new.window_of(now)
    if previous_window != window:
        shorter = window < previous_window
        yield DefinitionChange(
            ChangeCode.WINDOW_SHORTENED if shorter else ChangeCode.WINDOW_LENGTHENED,
            now.name, "limit_window", format_window(previous_window), format_window(window), weakens=shorter,
        )  # fmt: skip


def _field_changes(before: Job, now: Job) -> Iterator[DefinitionChange]:
    name = now.name
    # As people write them: without what is the default.
    was, is_ = (job_definition(job)["fields"] for job in (before, now))
    if before.keys != now.keys:
        yield DefinitionChange(ChangeCode.KEYS_CHANGED, name, "fields", list(before.keys), list(now.keys))
    for field in dict.fromkeys([*was, *is_]):
        if field not in was:
            yield DefinitionChange(ChangeCode.FIELD_ADDED, name, field, new=is_[field])
        elif field not in is_:
            yield DefinitionChange(ChangeCode.FIELD_REMOVED, name, field, old=was[field])
        elif was[field] != is_[field]:
            shown = before.fields[field].secret and not now.fields[field].secret
            yield DefinitionChange(
                ChangeCode.FIELD_CHANGED, name, field, was[field], is_[field], weakens=shown
            )
    # The order decides the parts of a row's key and the columns of a new file.
    if [field for field in was if field in is_] != [field for field in is_ if field in was]:
        yield DefinitionChange(ChangeCode.FIELDS_REORDERED, name, "fields")


# -- rules that no job goes by -------------------------------------------------------------------------------


def _inherited_only(
    old: Collection, new: Collection, found: Iterable[DefinitionChange]
) -> Iterator[DefinitionChange]:
    """Changes of rules that change nothing for any job, because a job has its own, or has it now."""
    told = {(change.job, change.key.partition(".")[0]) for change in found}
    jobs = {job.name: job for job in old.jobs}
    pairs: list[tuple[str, Any, Any]] = [
        *((job.name, jobs[job.name], job) for job in new.jobs if job.name in jobs),
        ("", old, new),
    ]
    for name, was, is_ in pairs:
        before, now = (each.model_dump(mode="json", include=set(_RULES)) for each in (was, is_))
        for key in _RULES:
            is_told = (name, key) in told or (not name and any(key == other for _, other in told))
            if before[key] != now[key] and not is_told:
                yield DefinitionChange(ChangeCode.SETTING_CHANGED, name, key, before[key], now[key])
