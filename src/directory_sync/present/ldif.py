"""The changes of a job as LDIF change records (RFC 2849) without secret values; comments say what they belong
to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.contract import LdifForm
from directory_sync.endpoints.exchanges import Part, containers_above, in_parts
from directory_sync.endpoints.registry import kind_of, load
from directory_sync.present.line import mark_text
from directory_sync.present.shown import ShownChange
from directory_sync.printable import printable
from directory_sync.store.plan_pages import PlanHead

_BATCH = 200
_WHICH = {Part.SECOND: ", second part", Part.LATE: ", last part"}


def ldif_records(
    changes: Iterable[ShownChange],
    render: Callable[[Change, Part], str],
    *,
    normalise: Callable[[str], str],
    above: Callable[[str], Iterable[str]],
) -> Iterator[str]:
    """A plan as text, in parts that a tool can apply one after the other, each below a comment.

    Args:
        changes: the plan's.
        render: one part of a change as its destination has it.
        normalise, above: see `in_parts`.
    """
    for shown, part in in_parts(changes, normalise, above, change_of=lambda each: each.told):
        rest = without_secrets(shown)
        yield change_record(shown, "" if rest is None else render(rest, part), part)


def without_secrets(shown: ShownChange) -> Change | None:
    """The change without its secret fields; None if nothing is left of it."""
    change = shown.told
    fields = tuple(field.told for field in shown.fields if not field.secret)
    if len(fields) == len(change.fields):
        return change
    nothing_left = not fields and change.action is Action.UPDATE and change.new_object is None
    return None if nothing_left else change._replace(fields=fields)


def change_record(shown: ShownChange, rendered: str, part: Part = Part.WHOLE) -> str:
    """One change as text: a blank line, comments, and its records as its destination has rendered what is
    visible of it.
    """
    change = shown.told
    remarks = [f"{change.action} {change.key}{_WHICH.get(part, '')}"]
    if part in (Part.WHOLE, Part.FIRST):
        remarks += map(mark_text, change.marks)
        remarks += [f"{field.field}: secret, not shown" for field in shown.fields if field.secret]
        follows = [field.field for field in change.fields if field.late and field.old]
        remarks += [
            f"{name}: follows the renamed object that it names, where the server sees to that"
            for name in follows
        ]
    return "\n" + comments(remarks) + rendered.rstrip("\n") + ("\n" if rendered else "")


def comments(lines: Iterable[str]) -> str:
    """Lines of comment, each of them one line whatever it holds."""
    return "".join(f"# {printable(line)}\n" for line in lines)


def has_ldif(job: Job) -> bool:
    """Whether the job's changes have a form in LDIF: those of directories and LDIF files have, those of
    tables have not.
    """
    return bool(kind_of(job.destination).ldif)


def ldif_parts(
    head: PlanHead,
    job: Job,
    changes: Iterable[ShownChange],
    *,
    notes: Sequence[str] = (),
    first: bool = True,
) -> Iterator[str]:
    """A stored plan as LDIF change records, in parts; the job must have such a form.

    It is made without asking the destination: the reader may not be able to reach that. So the
    destination's schema is not known here, and values are compared byte by byte where it would know
    better: a preview by the command line, which asks the destination, may leave out a value that only differs
    in case.

    Args:
        head, job, changes: the plan.
        notes: further lines of the comment above it.
        first: it begins a file.
    """
    changes_count = "1 change" if head.changes == 1 else f"{head.changes} changes"
    heading = [
        f"plan {head.id} of job {head.job}, collection {head.collection}, run {head.run_id}",
        f"for {job.destination.text}: {changes_count}, digest {head.digest}",
        *notes,
    ]
    parts = [("version: 1\n\n" if first else "\n") + comments(heading)]
    for record in _records(job, changes):
        parts.append(record)
        if len(parts) >= _BATCH:
            yield "".join(parts)
            parts.clear()
    yield "".join(parts)


def ldif_of(job: Job, change: ShownChange) -> str:
    """One change of a stored plan, as in `ldif_parts`."""
    return "".join(_records(job, [change])).strip("\n") + "\n"


def _records(job: Job, changes: Iterable[ShownChange]) -> Iterator[str]:
    form: LdifForm = load(kind_of(job.destination).ldif)()
    return ldif_records(
        changes, form.render, normalise=form.names.normalise, above=containers_above(form.names)
    )
