"""The jobs of a definition's text: added, copied, moved, renamed and removed, with comments, layout and all
other jobs as they were.

A definition may be incomplete or wrong, as long as it can be read as YAML. Jobs are moved as blocks of lines.
Each edit is held against what it should mean; where the notation does not let it be made in lines (a list in
one line, anchors), `forms.rewriting` makes it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.documents import lines_of, tidy
from directory_sync.collections.loosening import effective_limit, is_within, loosened, stricter
from directory_sync.definition.documents import parse_tree
from directory_sync.definition.export import as_yaml, job_definition
from directory_sync.definition.loading import Loaded
from directory_sync.definition.models import ApprovalPolicy, Collection, Job, LimitKind, Limits, format_limit
from directory_sync.definition.nodes import Entries, Items, Plain, Scalar
from directory_sync.definition.times import format_window
from directory_sync.errors import DefinitionError
from directory_sync.forms.rewriting import data_of, rewrite

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
    return with_jobs(text, [job], at=at)


def with_jobs(text: str, jobs: Sequence[str], *, at: int | None = None) -> str:
    """The definition with several more jobs; see `with_job`. It is read once, however many they are."""
    added = [_data(job) for job in jobs]

    def change(all_jobs: list[Plain]) -> None:
        index = len(all_jobs) if at is None else at
        all_jobs[index:index] = added

    def edit(blocks: _Blocks) -> None:
        index = len(blocks.blocks) if at is None else at
        for job in jobs:
            if blocks.blocks:
                blocks.gaps.insert(min(index, len(blocks.gaps)), blocks.usual_gap)
            blocks.blocks.insert(index, _as_item(job, blocks.column))
            index += 1

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


def named_job(job: str, name: str) -> str:
    """The text of a job by another name. Raises DefinitionError for what is no YAML."""
    return rewrite(job, {"name": name} | data_of(job) | {"name": name})


def duplicated_job(text: str, index: int) -> str:
    """The definition with a copy of one job after it, by a name of its own. Raises DefinitionError,
    IndexError.
    """
    names = job_names(text)
    name = free_name(names[index] or "job", names)
    return with_job(text, named_job(job_text(text, index), name), at=index + 1)


def job_text(text: str, index: int) -> str:
    """The text of one job, its keys in the first column. Raises DefinitionError, IndexError."""
    return texts_of_jobs(text, [index])[0]


def texts_of_jobs(text: str, indexes: Sequence[int] | None = None) -> list[str]:
    """The same of several jobs, or of all. Raises DefinitionError, IndexError."""
    jobs, blocks = _jobs(_data(text)), _blocks(text)
    wanted = range(len(jobs)) if indexes is None else indexes
    return [_text_of(jobs[index], blocks, index) for index in wanted]


def _text_of(data: Plain, blocks: _Blocks | None, index: int) -> str:
    if blocks is not None and index < len(blocks.blocks):
        found = _as_mapping(blocks.blocks[index], blocks.column)
        if found is not None and _data_or_none(found) == data:
            return found
    return rewrite("", data) if isinstance(data, dict) else ""


def copied_job(loaded: Loaded, index: int, into: Collection | None = None) -> str:
    """The text of a job that is to be put into another definition; see `copied_jobs`."""
    return copied_jobs(loaded, [index], into)[0]


def copied_jobs(loaded: Loaded, indexes: Sequence[int], into: Collection | None = None) -> list[str]:
    """The texts of jobs that are to be put into another definition, and are not less protected there: what
    they have from their collection is written into them.

    `into`: the other definition, as far as it can be told. What that limits or has approved at least as
    strictly is left to it, so that it counts for the copies as well. Where it lets pass more than the
    defaults, by which a job has been measured, these are written into the copy.
    """
    collection = loaded.collection
    tree = _data_or_none(loaded.document.text)
    texts = [""] * len(indexes)
    if tree is not None and not tree.get("template") and not loaded.document.origin.endswith(".json"):
        # As they were written: with comments, and what their own templates give left to those.
        texts = texts_of_jobs(loaded.document.text, indexes)
    found = []
    for index, text in zip(indexes, texts, strict=True):
        job = collection.jobs[index]
        own = text or as_yaml(job_definition(job))
        found.append(tidy(rewrite(own, {**data_of(own), **_from_collection(collection, job, into)})))
    return found


def _from_collection(collection: Collection, job: Job, into: Collection | None) -> dict[str, Any]:
    """What a job has from its collection and not from itself, and would not have in another one."""
    missing: dict[str, Any] = {}
    policy = collection.policy_of(job)
    if job.approval is None and policy is not None:
        other = None if into is None else into.approval
        if not isinstance(other, ApprovalPolicy) or loosened(policy, other):
            dumped = collection.model_dump(
                mode="json", by_alias=True, exclude_defaults=True, include={"approval"}
            )
            missing["approval"] = dumped["approval"]
    if given := _limits(collection, job.limits, {} if into is None else into.limits):
        limits = {**given, **job.limits}
        missing["limits"] = {kind.value: format_limit(limit) for kind, limit in limits.items()}
    window = collection.window_of(job)
    there = Collection.model_fields["limit_window"].default if into is None else into.limit_window
    if job.limit_window is None and (there < window or (into is None and there != window)):
        missing["limit_window"] = format_window(window)
    return missing


def _limits(collection: Collection, own: Limits, there: Limits) -> Limits:
    """Kinds that the job does not limit itself, and for which what counts there lets pass more; as strict as
    both.
    """
    here = collection.limits
    found = {}
    for kind in LimitKind:
        if kind in own or (kind not in here and kind not in there):
            continue
        limit = effective_limit(here, kind)
        if kind not in there:
            found[kind] = limit
        elif not is_within(there[kind], limit):
            found[kind] = stricter(there[kind], limit)
    return found


# -- editing a text ------------------------------------------------------------------------------------------


def _edited(text: str, change: Callable[[list[Plain]], object], edit: Callable[[_Blocks], None]) -> str:
    """The text edited in lines, if it then says what the changed data say; else by its values."""
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
    return tidy(rewrite(tidy(text), wanted))


def _without_jobs(blocks: _Blocks) -> str:
    *before, key = blocks.before
    return "".join([*before, key.replace("jobs:", "jobs: []", 1), *blocks.after])


def _data(text: str) -> dict[str, Any]:
    return data_of(tidy(text))


def _data_or_none(text: str) -> dict[str, Any] | None:
    try:
        return _data(text)
    except DefinitionError:
        return None


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
    entries = root.entries if isinstance(root, Entries) else {}
    lines = lines_of(text)
    entry = entries.get("jobs")
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
    keys = sorted(each.key_place.line - 1 for each in entries.values())
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
