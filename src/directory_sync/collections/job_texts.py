"""The jobs of a definition's text: added, copied, moved, renamed and removed, with comments, layout and all
other jobs as they were.

A definition may be incomplete or wrong, as long as it can be read as YAML. Each edit is held against what it
should mean; where a notation does not let it be made in the text (a list in one line, anchors), the
definition is written out, and only its comments are lost.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.documents import lines_of, tidy
from directory_sync.definition.documents import parse_tree
from directory_sync.definition.export import as_yaml, complete, job_definition
from directory_sync.definition.loading import Loaded
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.nodes import Entries, Items, Plain, Scalar, to_data
from directory_sync.errors import DefinitionError

_INDENT = 2


@dataclass(slots=True)
class _Blocks:
    """The text around and between jobs, in lines.

    Attributes:
        before: up to the line `jobs:`; `after` what follows the last job.
        blocks: of each job, its lines with the comment above it; `gaps` the blank lines between them.
        column: of the dashes.
    """

    before: list[str]
    blocks: list[list[str]]
    gaps: list[list[str]]
    after: list[str]
    column: int

    @property
    def text(self) -> str:
        """All of it."""
        lines = list(self.before)
        for number, block in enumerate(self.blocks):
            lines += block
            if number < len(self.blocks) - 1:
                lines += self.gaps[number] if number < len(self.gaps) else self.usual_gap
        return "".join([*lines, *self.after])

    @property
    def usual_gap(self) -> list[str]:
        """Between two jobs."""
        return list(self.gaps[-1]) if self.gaps else []


def job_names(text: str) -> list[str]:
    """The names of the jobs, in their order; empty where one has none. Raises DefinitionError for what is no
    YAML.
    """
    return [_name(job) for job in _jobs(_data(text))]


def job_count(text: str) -> int:
    """How many jobs the text has itself; 0 for what cannot be read."""
    try:
        return len(_jobs(_data(text)))
    except DefinitionError:
        return 0


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """The name, or with a number if another job has it: `people`, `people_2`."""
    number, name = 2, wanted
    while name in taken:
        name, number = f"{wanted[:90]}_{number}", number + 1
    return name


def with_job(text: str, job: str, *, at: int | None = None) -> str:
    """The definition with one more job, at the end or at an index.

    `job`: the text of its mapping, whose keys stand in the first column.

    Raises DefinitionError if one of the two cannot be read.
    """
    added = _data(job)

    def change(jobs: list[Plain]) -> None:
        jobs.insert(len(jobs) if at is None else at, added)

    def edit(blocks: _Blocks) -> None:
        index = len(blocks.blocks) if at is None else at
        if blocks.blocks:
            blocks.gaps.insert(min(index, len(blocks.gaps)), blocks.usual_gap)
        blocks.blocks.insert(index, _as_item(job, blocks.column))

    return _edited(text, change, edit)


def without_job(text: str, index: int) -> str:
    """The definition without one of its jobs. Raises DefinitionError, IndexError."""

    def edit(blocks: _Blocks) -> None:
        del blocks.blocks[index]
        if blocks.gaps:
            del blocks.gaps[min(index, len(blocks.gaps) - 1)]

    return _edited(text, lambda jobs: jobs.__delitem__(index), edit)


def moved_job(text: str, index: int, to: int) -> str:
    """The definition with one of its jobs at another place: `to` is its index then. Raises DefinitionError,
    IndexError.
    """
    return _edited(
        text,
        lambda jobs: jobs.insert(to, jobs.pop(index)),
        lambda blocks: blocks.blocks.insert(to, blocks.blocks.pop(index)),
    )


def renamed_job(text: str, index: int, name: str) -> str:
    """The definition with another name of one job. Raises DefinitionError, IndexError."""
    return changed_job(text, index, "name", name)


def changed_job(text: str, index: int, key: str, value: str) -> str:
    """The definition with another value of one key of one job: a text, or `true` or `false`. Raises
    DefinitionError, IndexError.
    """

    def change(jobs: list[Plain]) -> None:
        job = jobs[index]
        jobs[index] = {**(job if isinstance(job, dict) else {}), key: value}

    def edit(blocks: _Blocks) -> None:
        blocks.blocks[index] = _changed_block(blocks.blocks[index], blocks.column, key, value)

    return _edited(text, change, edit)


def duplicated_job(text: str, index: int) -> str:
    """The definition with a copy of one job after it, by a name of its own. Raises DefinitionError,
    IndexError.
    """
    names = job_names(text)
    name = free_name(names[index] or "job", names)
    return renamed_job(with_job(text, job_text(text, index), at=index + 1), index + 1, name)


def job_text(text: str, index: int) -> str:
    """The text of one job, its keys in the first column. Raises DefinitionError, IndexError."""
    data = _jobs(_data(text))[index]
    blocks = _blocks(text)
    if blocks is not None and index < len(blocks.blocks):
        found = _as_mapping(blocks.blocks[index], blocks.column)
        if found is not None and _data_or_none(found) == data:
            return found
    return as_yaml(data) if isinstance(data, dict) and data else ""


def copied_job(loaded: Loaded, index: int) -> str:
    """The text of a job that is to be put into another definition, and means the same there: what it has from
    its collection is written into it.

    What the other collection limits or has approved counts for it there as well.
    """
    collection = loaded.collection
    job = collection.jobs[index]
    missing = _from_collection(collection, job)
    data = job_definition(job)
    text = ""
    tree = _data_or_none(loaded.document.text)
    if isinstance(tree, dict) and not tree.get("template") and not loaded.document.origin.endswith(".json"):
        # As it was written: with its comments, and what its own template gives left to that.
        text = job_text(loaded.document.text, index)
    if not text:
        return as_yaml({**data, **missing})
    keys = _data_or_none(text)
    given = {} if not isinstance(keys, dict) else keys
    if any(key in given for key in missing):
        return as_yaml({**data, **missing})
    return tidy(text) + (as_yaml(missing) if missing else "")


def _from_collection(collection: Collection, job: Job) -> dict[str, Any]:
    """What a job has from its collection and not from itself."""
    own = job_definition(job)
    all_of_it = complete(collection)
    missing: dict[str, Any] = {}
    if job.approval is None and collection.policy_of(job) is not None:
        missing["approval"] = collection.model_dump(mode="json", by_alias=True, exclude_defaults=True)[
            "approval"
        ]
    if collection.limits and collection.limits_of(job) != job.limits:
        missing["limits"] = {**all_of_it["limits"], **own.get("limits", {})}
    default = Collection.model_fields["limit_window"].default
    if job.limit_window is None and collection.limit_window != default:
        missing["limit_window"] = all_of_it["limit_window"]
    return missing


# -- editing a text ------------------------------------------------------------------------------------------


def _edited(text: str, change: Callable[[list[Plain]], object], edit: Callable[[_Blocks], None]) -> str:
    """The text edited in place, if it then says what the changed data say; else these written out."""
    data = _data(text)
    wanted = copy.deepcopy(data)
    jobs = _jobs(wanted)
    change(jobs)
    wanted["jobs"] = jobs
    blocks = _blocks(text)
    if blocks is not None:
        edit(blocks)
        edited = blocks.text if blocks.blocks else _without_jobs(blocks)
        if _data_or_none(edited) == wanted:
            return edited
    return as_yaml(wanted)


def _without_jobs(blocks: _Blocks) -> str:
    *before, key = blocks.before
    return "".join([*before, key.replace("jobs:", "jobs: []", 1), *blocks.after])


def _data(text: str) -> Any:
    root, problems = parse_tree(tidy(text), "definition")
    if not isinstance(root, Entries):
        raise DefinitionError(problems)
    return to_data(root)


def _data_or_none(text: str) -> Plain:
    try:
        data: Plain = _data(text)
    except DefinitionError:
        return None
    return data


def _jobs(data: Mapping[str, Plain]) -> list[Plain]:
    jobs = data.get("jobs")
    return jobs if isinstance(jobs, list) else []


def _name(job: Plain) -> str:
    name = job.get("name") if isinstance(job, dict) else None
    return name if isinstance(name, str) else ""


def _blocks(text: str) -> _Blocks | None:
    """The text taken apart; None where its notation does not let it be."""
    text = tidy(text)
    root, _ = parse_tree(text, "definition")
    if not isinstance(root, Entries):
        return None
    lines = lines_of(text)
    entry = root.entries.get("jobs")
    if entry is None:
        return _Blocks([*lines, "jobs:\n"], [], [], [], _INDENT)
    key = entry.key_place.line - 1
    if isinstance(entry.node, Scalar) or (isinstance(entry.node, Items) and not entry.node.items):
        line = lines[key]
        start = line.find("jobs")
        rest = line[start:].partition(":")[2].split("#")[0].strip()
        if start != entry.key_place.column - 1 or rest not in ("", "[]", "~", "null"):
            return None
        empty = f"{line[:start]}jobs:\n"
        return _Blocks([*lines[:key], empty], [], [], lines[key + 1 :], start + _INDENT)
    if not isinstance(entry.node, Items):
        return None
    dashes = [_dash(lines, item.place.line - 1, item.place.column - 1) for item in entry.node.items]
    found = [dash for dash in dashes if dash is not None]
    columns = {column for _, column in found}
    numbers = [number for number, _ in found]
    if len(found) < len(dashes) or len(columns) != 1 or numbers != sorted(set(numbers)) or numbers[0] <= key:
        return None
    (column,) = columns
    keys = sorted(each.key_place.line - 1 for each in root.entries.values())
    stop = next((number for number in keys if number > numbers[-1]), len(lines))
    while stop > numbers[-1] + 1 and _is_apart(lines[stop - 1], column):
        stop -= 1
    starts = [_with_comment(lines, number, column, key + 1) for number in numbers]
    ends = [*starts[1:], stop]
    blocks, gaps = [], []
    for start, end in zip(starts, ends, strict=True):
        last = end
        while last > start and not lines[last - 1].strip():
            last -= 1
        blocks.append(lines[start:last])
        gaps.append(lines[last:end])
    after = [*gaps.pop(), *lines[stop:]]
    return _Blocks(lines[: starts[0]], blocks, gaps, after, column)


def _dash(lines: Sequence[str], number: int, column: int) -> tuple[int, int] | None:
    """Line and column of the dash of an item that begins there."""
    if number >= len(lines):
        return None
    before = lines[number][:column]
    if before.strip() == "-":
        return number, before.index("-")
    if before.strip():
        return None
    for above in range(number - 1, -1, -1):
        content = lines[above].split("#")[0].strip()
        if content == "-":
            return above, lines[above].index("-")
        if content:
            return None
    return None


def _is_apart(line: str, column: int) -> bool:
    """Whether a line after the last job belongs to what follows: it is blank, or a comment that is not
    within the job.
    """
    content = line.lstrip(" ")
    return not content.strip() or (content.startswith("#") and len(line) - len(content) <= column)


def _with_comment(lines: Sequence[str], number: int, column: int, first: int) -> int:
    """The first line of the comment that stands directly above a dash, as far to the right as that."""
    start = number
    while start > first and lines[start - 1].startswith(f"{' ' * column}#"):
        start -= 1
    return start


def _as_item(job: str, column: int) -> list[str]:
    """A mapping as an item of a list whose dashes stand in a column."""
    lines = [line for line in lines_of(tidy(job)) if line]
    while lines and not lines[-1].strip():
        lines.pop()
    item, begun = [], False
    for line in lines:
        if begun:
            item.append(f"{' ' * (column + 2)}{line}" if line.strip() else line)
        elif line.startswith("#") or not line.strip():
            item.append(f"{' ' * column}{line}")
        else:
            begun = True
            item.append(f"{' ' * column}- {line}")
    return item


def _as_mapping(block: Sequence[str], column: int) -> str | None:
    """An item as a mapping whose keys stand in the first column; None where its layout does not let it."""
    lines: list[str] = []
    width, dashed = 0, False
    for line in block:
        content = line.lstrip(" ")
        if not width and not dashed and line[column : column + 1] == "-":
            dashed = True
            content = line[column + 1 :].lstrip(" ")
            if not content.strip() or content.startswith("#"):
                lines += [content] if content.strip() else []
                continue
            width = len(line) - len(content)
            lines.append(content)
        elif not content.strip() or (content.startswith("#") and not line[:width].isspace()):
            lines.append(content)
        elif not dashed:
            lines.append(line[column:])
        else:
            width = width or len(line) - len(content)
            if line[:width].strip():
                return None
            lines.append(line[width:])
    return "".join(lines)


def _changed_block(block: Sequence[str], column: int, key: str, value: str) -> list[str]:
    """An item with another value of a key, found by its place; a new key comes after the first one."""
    text = _as_mapping(block, column)
    tree, _ = parse_tree(text or "", "definition")
    if text is None or not isinstance(tree, Entries) or not tree.entries:
        return list(block)
    lines = lines_of(text)
    entry = tree.entries.get(key)
    written = value if value in ("true", "false") else as_yaml({"x": value})[3:].rstrip("\n")
    if entry is None:
        first = min(each.key_place.line for each in tree.entries.values())
        others = [each.key_place.line for each in tree.entries.values() if each.key_place.line > first]
        at = min(others) - 1 if others else len(lines) - 1
        lines.insert(at, f"{key}: {written}\n")
    elif isinstance(entry.node, Scalar) and entry.node.text is not None:
        number, at = entry.node.place.line - 1, entry.node.place.column - 1
        line = lines[number]
        quote = line[at : at + 1] if line[at : at + 1] in ('"', "'") else ""
        old = f"{quote}{entry.node.text}{quote}"
        if not line.startswith(old, at):
            return list(block)
        lines[number] = f"{line[:at]}{written}{line[at + len(old) :]}"
    return _as_item("".join(lines), column)
