"""One record on its way through a job: found, in scope, mapped, matched, and what would happen, by the
planner's own code. Nothing is written.

The job is planned with a source and a destination that are narrowed to this record. What is removed because
its record is missing, and limits, are about all records, and not told here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from directory_sync.definition import filters
from directory_sync.definition.addresses import AnySource, DirectoryDestination, FileEndpoint
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.secrets import IsSecret, secret_fields, secret_source_fields
from directory_sync.definition.support import refuse_unsupported
from directory_sync.endpoints.blanks import stripped
from directory_sync.endpoints.change import Action
from directory_sync.endpoints.contract import Batch, ConnectionInfo, Record, Source
from directory_sync.endpoints.evidence import Ending, Evidence
from directory_sync.endpoints.registry import open_destination, open_source
from directory_sync.errors import LookError, MissingObjectError, RecordError
from directory_sync.looking.answering import Given
from directory_sync.looking.answers import Condition, Examples, MappedField, Outcome, TriedRecord
from directory_sync.looking.mapped import compiled, fields_of, mapped_field
from directory_sync.looking.questions import Example, TryRecord
from directory_sync.looking.walking import impatient
from directory_sync.plan.build import make_plan
from directory_sync.plan.model import Plan
from directory_sync.present.line import change_line
from directory_sync.present.shown import visible
from directory_sync.printable import printable
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import open_job, refuse_passwords

_MOST_FOUND = 50
_MOST_CHANGES = 20
_EXAMPLES = 2
_REMOVALS = (Action.DELETE, Action.DISABLE)


@dataclass(frozen=True, slots=True)
class _Patience:
    """The connections that were given, with less patience than they have."""

    given: Given

    def get(self, connection_id: str) -> ConnectionInfo:
        """A connection. Raises NoConnection, EndpointError."""
        return impatient(self.given.connection(connection_id))


def try_record(question: TryRecord, given: Given) -> TriedRecord:
    """The five steps. Raises EndpointError, UnsupportedError, LookError."""
    collection, job, deployment = _prepared(question.collection, question.job, given)
    is_secret = secret_fields(job)
    reads = _reads(job)
    is_secret_source = secret_source_fields(job, reads)
    with _checked_source(job, deployment) as source:
        wanted = _wanted(job, source, question, is_secret_source)
    conditions = _conditions(job.source)
    found = list(_read(job, _narrowed(job.source, [wanted]), (), deployment))
    if not found:
        return TriedRecord(0, "", Outcome.NOT_FOUND)
    id = found[0].id
    judged = _judged(job, id, wanted, conditions, deployment)
    if not all(each.met for each in judged):
        return TriedRecord(len(found), id, Outcome.OUT_OF_SCOPE, judged)
    narrow = job.model_copy(update={"source": _narrowed(job.source, [*conditions, wanted])})
    one = collection.model_copy(update={"jobs": [narrow]})
    with open_job(one, narrow, deployment, roles=None, run_id="try") as opened:
        listed = (each for batch in opened.source.read(opened.mapping.source_fields) for each in batch)
        record = next((each for each in listed if each.id == id), None)
        if record is None:
            return TriedRecord(len(found), id, Outcome.NOT_FOUND, judged)
        mapped = tuple(
            mapped_field(
                narrow,
                name,
                record,
                opened.mapping,
                opened.destination,
                is_secret=is_secret,
                is_secret_source=is_secret_source,
            )
            for name in job.fields
        )
        if record.problem:
            problem = (printable(record.problem)[:2_000],)
            return TriedRecord(len(found), id, Outcome.FAILED, judged, mapped, problems=problem)
        keys = _keys(job, opened.mapping.map_keys, record)
        same = _same(job, opened.destination.names.made_of(job.naming_attribute), record)
    matched, plan = _planned(one, narrow, {id: keys}, deployment)
    told = _told(len(found), id, judged, mapped, matched, plan, is_secret)
    if same is None:
        return told
    rivals = {each.id for each in _read(job, _narrowed(job.source, [*conditions, same]), (), deployment)}
    if not rivals - {id}:
        return told
    both = filters.Or((wanted, same))
    narrow = job.model_copy(update={"source": _narrowed(job.source, [*conditions, both])})
    one = collection.model_copy(update={"jobs": [narrow]})
    with open_job(one, narrow, deployment, roles=None, run_id="try") as opened:
        listed = (each for batch in opened.source.read(opened.mapping.source_fields) for each in batch)
        all_keys = {
            each.id: _keys(job, opened.mapping.map_keys, each) for each in listed if each.id in {id, *rivals}
        }
    _, plan = _planned(one, narrow, all_keys, deployment)
    told_of = [each for each in plan.problems if each.object == id]
    if not told_of:
        return told
    problems = tuple(printable(each.message)[:2_000] for each in told_of)
    return replace(told, outcome=Outcome.FAILED, changes=(), problems=problems)


def _same(job: Job, naming: Sequence[str], record: Record) -> filters.Filter | None:
    """Selects records that have the same key, or want the same name, since the fields that these are made of
    hold the same: a run takes none of them. None where there is nothing to select by.

    Others that something computed makes the same are not found.
    """

    def equal(name: str) -> filters.Filter | None:
        parts = []
        for field in fields_of(job, name):
            values = [value for value in map(stripped, record.values.get(field, ())) if value]
            if values:
                parts.append(filters.Or(tuple(filters.Equality(field, value) for value in values)))
        return filters.And(tuple(parts)) if parts else None

    keys = [equal(name) for name in job.keys]
    found = [each for name in job.fields if name.lower() in naming and (each := equal(name)) is not None]
    if all(keys):
        found.append(filters.And(tuple(each for each in keys if each is not None)))
    return filters.Or(tuple(found)) if found else None


@dataclass(frozen=True, slots=True)
class _Only:
    """A source that has these records only."""

    source: Source
    ids: Container[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield them, and return how the listing ended."""
        listing = Ending(self.source.read(fields))
        for batch in listing:
            if kept := [record for record in batch if record.id in self.ids]:
                yield kept
        return listing.said


def examples(question: Example, given: Given) -> Examples:
    """One field for some records, one of them with the input missing. Raises as `try_record`."""
    collection, job, deployment = _prepared(question.collection, question.job, given)
    if question.destination_field not in job.fields:
        raise LookError("This field is not mapped (any more). Save the draft, and look again.")
    is_secret = secret_fields(job)
    reads = fields_of(job, question.destination_field)
    is_secret_source = secret_source_fields(job, reads)
    if is_secret(question.destination_field) or any(map(is_secret_source, reads)):
        raise LookError("This field holds secrets, so nothing is shown of it.")
    alone = job.model_copy(
        update={"fields": {question.destination_field: job.fields[question.destination_field]}}
    )
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(_checked_source(job, deployment))
        # Whether a field holds one value decides whether several fail, and what a delimiter does.
        destination = open_destination(job, deployment)
        stack.callback(destination.close)
        with contextlib.suppress(MissingObjectError):  # the first run makes it
            destination.check()
        mapping = compiled(collection, alone, source, destination, deployment.script_modules)
        needed = [name for name in mapping.source_fields if name.lower() in {each.lower() for each in reads}]
        refuse_passwords(job, source, mapping.source_fields)
        records = [
            each for each in _read(job, job.source, mapping.source_fields, deployment) if not each.problem
        ]
        whole = [record for record in records if all(record.values.get(name) for name in needed)]
        lacking = [record for record in records if not all(record.values.get(name) for name in needed)]
        chosen = [*(whole or records)[:_EXAMPLES], *(lacking[:1] if needed else ())]
        if needed and not lacking:
            chosen.append(Record("", {}))  # no record lacks it now, and one will
        rows: dict[str, MappedField] = {}
        for record in chosen:
            if record.id not in rows:
                rows[record.id] = mapped_field(
                    alone,
                    question.destination_field,
                    record,
                    mapping,
                    destination,
                    is_secret=lambda _: False,
                    is_secret_source=lambda _: False,
                )
    return Examples(tuple((id[:500], row) for id, row in rows.items()))


def _prepared(definition: dict[str, object], name: str, given: Given) -> tuple[Collection, Job, Deployment]:
    collection = Collection.model_validate(definition)
    job = collection.job(name)
    deployment = Deployment(
        _Patience(given),
        given.data_folder,
        script_modules=given.script_modules,
        connection_rules=given.connection_rules,
    )
    refuse_unsupported(collection, [job], script_modules=deployment.script_modules)
    return collection, job, deployment


@contextlib.contextmanager
def _checked_source(job: Job, deployment: Deployment) -> Iterator[Source]:
    """The job's source, which answers and can do what its filter asks. Raises EndpointError."""
    with contextlib.closing(open_source(job, deployment)) as source:
        source.check()
        yield source


def _wanted(job: Job, source: Source, question: TryRecord, is_secret: IsSecret) -> filters.Filter:
    """Selects the record. Raises LookError for a field by which none can be looked for, EndpointError for one
    that the source does not have.
    """
    field = question.field
    rule = None if is_secret(field) else source.rule(field)
    if is_secret(field) or (rule is not None and rule.password):
        raise LookError(f"{field[:100]} holds secrets, so no record is looked for by it.")
    if rule is None and source.fields() is not None:
        raise source.no_field(field)
    wanted = filters.Equality(field, question.value.encode())
    try:
        understood = filters.parse(filters.to_text(wanted), columns=_has_columns(job.source))
    except filters.FilterError:
        understood = None
    if understood != wanted:
        # A name that holds a part of a filter would ask about something else.
        raise LookError(f"No filter can name the field {field[:100]!r}. Choose another one.")
    return wanted


def _has_columns(source: AnySource) -> bool:
    return isinstance(source, FileEndpoint) and not source.has_entries


def _reads(job: Job) -> list[str]:
    return [field for name in job.fields for field in fields_of(job, name)]


def _conditions(source: AnySource) -> list[filters.Filter]:
    """The parts of a source's filter that all have to be met; none for no filter."""
    text = getattr(source, "filter", None)
    if not text or text == "(objectClass=*)":
        return []
    try:
        parsed = filters.parse(text, columns=_has_columns(source))
    except filters.FilterError as error:
        raise LookError(f"The filter of the source cannot be read: {error}. Correct it first.") from None
    return list(parsed.filters) if isinstance(parsed, filters.And) else [parsed]


def _judged(
    job: Job,
    id: str,
    wanted: filters.Filter,
    conditions: Sequence[filters.Filter],
    deployment: Deployment,
) -> tuple[Condition, ...]:
    """Which conditions the record meets: one by one only where it does not meet all, as each is a question of
    its own to the source.
    """

    def met(*asked: filters.Filter) -> bool:
        found = _read(job, _narrowed(job.source, [wanted, *asked]), (), deployment)
        return any(record.id == id for record in found)

    whole = bool(conditions) and met(*conditions)
    return tuple(Condition(filters.to_text(each), whole or met(each)) for each in conditions)


def _narrowed(source: AnySource, parts: Sequence[filters.Filter]) -> AnySource:
    whole = parts[0] if len(parts) == 1 else filters.And(tuple(parts))
    return source.model_copy(update={"filter": filters.to_text(whole)})


def _read(job: Job, source: AnySource, fields: Sequence[str], deployment: Deployment) -> Iterator[Record]:
    """The first records of a source."""
    number = 0
    with contextlib.closing(open_source(job.model_copy(update={"source": source}), deployment)) as opened:
        for batch in opened.read(fields):
            for record in batch:
                yield record
                number += 1
                if number == _MOST_FOUND:
                    return


def _keys(job: Job, map_keys: Callable[[Record], list[list[bytes]]], record: Record) -> list[list[bytes]]:
    try:
        found = map_keys(record)
    except RecordError:
        return []
    return found if len(found) == len(job.keys) and all(found) else []


def _planned(
    collection: Collection,
    job: Job,
    records: Mapping[str, Sequence[Sequence[bytes]]],
    deployment: Deployment,
) -> tuple[tuple[str, ...], Plan]:
    """Ids of the managed objects that have the records' keys, and the plan for these records alone.

    `records`: id → the values of its key fields; none for one without a key.
    """
    place = job.destination
    if isinstance(place, DirectoryDestination):
        anything = filters.Present("objectClass")
        own = filters.parse(place.filter) if place.filter else anything
        by_key = [
            filters.And(
                tuple(
                    filters.Or(tuple(filters.Equality(name, value) for value in values))
                    for name, values in zip(job.keys, keys, strict=True)
                )
            )
            for keys in records.values()
            if keys
        ]
        # Without a key nothing matches, and no object has to be read to know that.
        having: filters.Filter = filters.Or(tuple(by_key)) if by_key else filters.Not(anything)
        narrowed = place.model_copy(update={"filter": filters.to_text(filters.And((own, having)))})
        job = job.model_copy(update={"destination": narrowed})
        collection = collection.model_copy(update={"jobs": [job]})
    matched: tuple[str, ...] = ()
    with open_job(collection, job, deployment, roles=None, run_id="try") as opened:
        if any(records.values()) and isinstance(place, DirectoryDestination):
            objects = (record.id for batch in opened.destination.read(()) for record in batch)
            matched = tuple(id for id, _ in zip(objects, range(5), strict=False))
        # Others may have the value by which this one was looked for: what would happen to them is not told.
        source = cast(Source, _Only(opened.source, records))
        plan = make_plan(collection, job, source, opened.destination, opened.mapping, limits=())
    return matched, plan


_DONE = {
    Action.CREATE: Outcome.CREATE,
    Action.UPDATE: Outcome.UPDATE,
    Action.MOVE: Outcome.MOVE,
    Action.DISABLE: Outcome.DISABLE,
    Action.DELETE: Outcome.DELETE,
}


def _told(
    found: int,
    id: str,
    judged: tuple[Condition, ...],
    mapped: tuple[MappedField, ...],
    matched: tuple[str, ...],
    plan: Plan,
    is_secret: IsSecret,
) -> TriedRecord:
    changes = [change for change in plan.changes if change.action not in _REMOVALS][:_MOST_CHANGES]
    lines = tuple(
        printable(change_line(visible(change, is_secret), planned=True))[:2_000] for change in changes
    )
    problems = tuple(printable(each.message)[:2_000] for each in plan.problems[:_MOST_CHANGES])
    if changes:
        outcome = _DONE[changes[0].action]
        if not matched and outcome is not Outcome.CREATE:
            matched = (changes[0].object,)
    elif problems:
        outcome = Outcome.FAILED
    elif plan.statistics.unchanged:
        outcome = Outcome.UNCHANGED
    else:
        outcome = Outcome.SKIPPED
    return TriedRecord(found, id, outcome, judged, mapped, matched, lines, problems)
