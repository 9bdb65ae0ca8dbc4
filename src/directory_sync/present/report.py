"""The report of a run or preview, as JSON: what each job did or would do, change by change.

It is written as a stream, because a job may have more changes than fit into memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from directory_sync.definition.models import Collection
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import Outcome, mark_to_json, value_to_json
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import Summing
from directory_sync.present.shown import ShownChange, ShownField, visible
from directory_sync.run.result import JobResult

_encode = json.JSONEncoder(ensure_ascii=True).encode
# ASCII only: a report may be shown in a terminal, which must not obey anything that a directory's value says.


def write_report(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write the report of all jobs, each as soon as its result is there.

    What was written is valid JSON even if `results` raises: it then holds the jobs that had ended.
    """
    stream.write(f'{{"collection": {_encode(collection.name)}, "jobs": [')
    separator = "\n"
    try:
        for result in results:
            stream.write(separator)
            separator = ",\n"
            _write_job(stream, collection, result)
    finally:
        stream.write("\n]}\n")


def _write_job(stream: TextIO, collection: Collection, result: JobResult) -> None:
    errors = [problem.to_json() for problem in result.problems]
    stream.write(_encode(_header(result))[:-1] + ', "changes": [')
    separator = "\n"
    patterns: dict[str, Any] | None = None
    try:
        summing = Summing(Subject.of(collection.job(result.job), result.evidence))
        for change in _changes(collection, result, errors, summing):
            stream.write(separator + _encode(change))
            separator = ",\n"
        patterns = summing.finish_with(result.changes).to_json()
    finally:
        summed_up = "" if patterns is None else f', "patterns": {_encode(patterns)}'
        stream.write(f']{summed_up}, "errors": {_encode(errors)}}}')


@contextlib.contextmanager
def report_file(path: Path) -> Iterator[TextIO]:
    """A file for `write_report` that appears under its name only when it is complete, also when the block
    raises.

    It is readable by its owner only, because it holds people's data. What is no regular file (`/dev/stdout`,
    a pipe) is written to directly. Raises OSError if it cannot be written.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as stream:
            yield stream
        return
    # Readable by its owner only from the first moment, and next to its target, so that replacing is one step.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=".report-", delete=False
    ) as stream:
        temporary = Path(stream.name)
        try:
            try:
                yield cast(TextIO, stream)
            finally:
                stream.flush()
                os.fsync(stream.fileno())
                temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _header(result: JobResult) -> dict[str, Any]:
    """Everything but changes and errors."""
    return {
        "job": result.job,
        "state": result.state.value,
        "message": result.message,
        "digest": result.digest,
        "statistics": result.statistics.to_json(),
        **({} if result.planned is None else {"planned": result.planned.to_json()}),
        "warnings": list(result.warnings),
        "limits": [
            {
                "kind": check.kind,
                "subject": check.subject,
                "planned": check.planned,
                "allowed": check.allowed,
                "limit": check.limit,
                "base": check.base,
                "recent": check.recent,
                "exceeded": check.exceeded,
            }
            for check in result.limits
        ],
        "left_alone": [item.to_json() for item in result.left_alone],
        **({} if result.evidence is None else {"evidence": result.evidence.to_json()}),
        "duration": round(result.duration, 3),
        **({} if result.request is None else {"request": result.request}),
        **({} if result.forecast is None else {"forecast": result.forecast.to_json()}),
    }


def _changes(
    collection: Collection, result: JobResult, errors: list[dict[str, str]], summing: Summing
) -> Iterator[dict[str, Any]]:
    """Yield every change; on the way those that did not succeed are added to `errors`, and all of them are
    summed up.
    """
    is_secret = secret_fields(collection.job(result.job))
    for sequence, change in enumerate(result.changes):
        summing.add_change(change)
        outcome = result.outcomes.get(sequence)
        report = change_report(visible(change, is_secret))
        if outcome is not None:
            report |= _outcome_report(outcome)
            if outcome.result.is_trouble:
                errors.append({"key": change.key, "object": change.object, "message": outcome.message})
        yield report


def _outcome_report(outcome: Outcome) -> Mapping[str, str]:
    report = {"result": outcome.result.value}
    return {**report, "message": outcome.message} if outcome.message else report


def change_report(shown: ShownChange) -> dict[str, Any]:
    """One change as in the report."""
    change = shown.told
    report: dict[str, Any] = {"action": change.action.value, "key": change.key, "object": change.object}
    if name := shown.name:
        report["name"] = name
    if change.new_object is not None:
        report["new_object"] = change.new_object
    if change.via is not None:
        report["via"] = change.via
    if change.marks:
        report["marks"] = list(map(mark_to_json, change.marks))
    report["fields"] = list(map(_field_report, shown.fields))
    return report


def _field_report(shown: ShownField) -> dict[str, Any]:
    field = shown.told
    report: dict[str, Any] = {
        "field": field.field,
        "old": list(map(value_to_json, field.old)),
        "new": list(map(value_to_json, field.new)),
    }
    # Old and new values of a partial change are those that go and come; others stay. Late ones come after all
    # other changes.
    marks = {"partial": True} if field.partial else {}
    return {**report, **marks, **({"late": True} if field.late else {})}
