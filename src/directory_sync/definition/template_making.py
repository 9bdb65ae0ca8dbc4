"""A collection template from a collection: all that it says, but for what makes it this collection and where
its jobs read and write.
"""

from __future__ import annotations

from typing import Any

from directory_sync.definition.export import as_yaml, to_definition
from directory_sync.definition.models import Collection
from directory_sync.printable import printable

LONGEST_TITLE = 200
"""Characters of a template's title."""

_OF_THIS_ONE = ("name", "title", "owners", "template", "schedule", "timezone", "start", "end", "paused")
_WHERE = ("connection", "container", "base", "file", "sheet", "table", "query", "complete")
"""What an endpoint says about one place, or about what is there, as `complete` about one file."""


def make_template(collection: Collection, title: str) -> str:
    """The text of a template from which more such collections can be made.

    It does not depend on other templates: what they gave is written out. `title` is the first line of its
    comment.
    """
    data = to_definition(collection)
    for key in _OF_THIS_ONE:
        data.pop(key, None)
    for job in data["jobs"]:
        for side in ("source", "destination"):
            job[side] = {key: value for key, value in job[side].items() if key not in _WHERE}
            if not job[side]:
                del job[side]
    return "".join(f"# {line}\n" for line in _comment(collection, title)) + as_yaml(data)


def _comment(collection: Collection, title: str) -> list[str]:
    """Its title, and what has to be given: as the comments of the built-in templates."""
    lines = [printable(title)[:LONGEST_TITLE].strip() or printable(collection.title or collection.name)]
    lines += ["", "To give: a name and a schedule for the collection, and for each job:"]
    for job in collection.jobs:
        sides = (_given(side, getattr(job, side)) for side in ("source", "destination"))
        lines.append(f"- {job.name}: {' and '.join(sides)}")
    return lines


def _given(side: str, endpoint: Any) -> str:
    keys = [key for key in endpoint.model_dump(exclude_defaults=True) if key in _WHERE[:-1]]
    return f"{side} {{{', '.join(keys)}}}"
