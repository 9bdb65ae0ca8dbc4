"""What a collection's page in Airflow says about it: Markdown made from the definition, with nothing in it
that could act.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from directory_sync.airflow.schedules import in_words
from directory_sync.definition.models import Collection, Job, Limits, MoveMissing, Removal, format_limit

_MARKDOWN = re.compile(r"([\\`*_\[\]#!|~])")
_DEFAULT_LIMITS = "the built-in ones"


def documentation_of(collection: Collection, warnings: Sequence[str] = ()) -> str:
    """The `doc_md` of a collection's DAG. `warnings`: what is to be known about the definition, one text
    each.
    """
    parts = []
    if warnings:
        parts.append(f"**Warnings:**\n\n{listing(warnings)}")
    if collection.description:
        parts.append(escape(collection.description))
    parts.append(_jobs(collection))
    parts.append(f"**Schedule:** {escape(in_words(collection))}")
    if collection.owners:
        parts.append(f"**Owners:** {escape(', '.join(collection.owners))}")
    parts.append(
        "Start it with *preview only* to see what it would do: nothing is written, the plan stands in the log"
        " of each job. *abort*: if the job fails, the jobs after it are not run. *continue*: they run all the"
        " same."
    )
    # Airflow takes a text that ends with ".md" for the name of a file.
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """One line of text so that Markdown and HTML show it as it is."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def listing(texts: Iterable[str]) -> str:
    """Each text as a paragraph: of all that Markdown has, only that is wrapped in Airflow's dialog, also in a
    long word.
    """
    return "\n\n".join(f"\N{BULLET} {escape(text)}" for text in texts)


def _jobs(collection: Collection) -> str:
    rows = ["| # | job | object | from | to | if it fails | without a record | limits |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for number, job in enumerate(collection.enabled_jobs, 1):
        name = f"**{escape(job.name)}**" + (f" {escape(job.description)}" if job.description else "")
        cells = (
            str(number),
            name,
            escape(job.object),
            escape(job.source.text),
            escape(job.destination.text),
            job.on_failure.value,
            _missing(job),
            _limits(collection.limits_of(job)),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _missing(job: Job) -> str:
    """What happens to objects without a record, and of which."""
    done: str
    match job.missing_at_source:
        case str() as action:
            done = action
        case MoveMissing(move=container):
            done = f"move to {container}"
        case _:
            done = "disable"
    if done == "skip":
        return "skip"
    return escape(f"{done}: {'all' if job.remove is Removal.ALL else 'known ones'}")


def _limits(limits: Limits) -> str:
    if not limits:
        return _DEFAULT_LIMITS
    parts = []
    for kind, limit in limits.items():
        written = format_limit(limit)
        parts.append(
            f"{kind.value} {' and '.join(map(str, written)) if isinstance(written, list) else written}"
        )
    return escape(", ".join(parts)) + "; else " + _DEFAULT_LIMITS
