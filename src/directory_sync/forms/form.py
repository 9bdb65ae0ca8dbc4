"""One section of a definition's form: what a page shows, and the text after it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directory_sync.definition.documents import parse_tree
from directory_sync.definition.nodes import Entries, Items, Path, to_data
from directory_sync.definition.problems import Code, Problem, has_errors
from directory_sync.definition.templates import BUILT_IN, Templates, expand
from directory_sync.forms.controls import MISSING, Field, Group
from directory_sync.forms.rewriting import ORIGIN, data_of, rewrite
from directory_sync.forms.sections import Section
from directory_sync.forms.shown import Part, Place, Posted, Shown


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section as a page shows it.

    Attributes:
        name, title: of the section.
        parts: its keys.
        problems: by the name of an input.
        links: each problem of this section with the id of its input; empty for one that has none.
    """

    name: str
    title: str
    parts: tuple[Shown, ...]
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    links: tuple[tuple[Problem, str], ...] = ()

    @property
    def has_errors(self) -> bool:
        """Whether something of this section makes the definition unusable."""
        return has_errors(problem for problem, _ in self.links)


class Form:
    """A section of the form of one text.

    Args:
        section: which keys.
        text: the definition, complete or not.
        at: where the keys are: `()` for those of the collection, `("jobs", n)` for those of a job.
        templates: give what counts where the text says nothing.

    Raises DefinitionError for a text that cannot be read; LookupError if there is nothing at that place.
    """

    def __init__(
        self, section: Section, text: str, *, at: Path = (), templates: Templates = BUILT_IN
    ) -> None:
        self.section, self.text, self.at, self.templates = section, text, at, templates
        self.data = data_of(text)
        self.own = _inner(self.data, at)
        self.given = completed(text, at, templates)
        self.group = Group(tuple(section.fields()))
        self.counts = {each.key: self._counts(each) for each in self.group.fields}

    def shown(self, problems: Iterable[Problem] = (), *, more: str = "") -> ShownSection:
        """What the page shows.

        Args:
            problems: of the whole definition, as `judge` finds them.
            more: the name of a list that gets one more empty row.
        """
        parts = tuple(
            Shown(
                each.label,
                each.help,
                each.required,
                each.control.show(self._place(each, more), self.counts[each.key]),
            )
            for each in self.group.fields
        )
        own = [
            problem for problem in problems if any(_is_below(_key(problem), part.part.key) for part in parts)
        ]
        found: dict[str, list[Problem]] = {}
        links: list[tuple[Problem, str]] = []
        for problem in own:
            part = _innermost([each.part for each in parts], _key(problem))
            if part is not None:
                found.setdefault(part.name, []).append(problem)
            links.append((problem, "" if part is None else part.id))
        return ShownSection(self.section.name, self.section.title, parts, found, tuple(links))

    def posted(self, values: Mapping[str, Sequence[str]]) -> str:
        """The text after the section was sent; the same text if nothing in it was changed."""
        posted = Posted(values)
        changed: dict[str, Any] = {}
        for each in self.group.fields:
            before = self.counts[each.key]
            after = each.control.read(self._place(each), before, posted)
            if after is not before:
                changed[each.key] = self._without_given(each, after)
        if not changed:
            return self.text
        return rewrite(self.text, _put(self.data, self.at, self.group.merged(self.own, changed)))

    @staticmethod
    def added(values: Mapping[str, Sequence[str]]) -> str:
        """The name of the list whose *Add* was pressed; empty for none."""
        return Posted(values).adds

    def _place(self, field: Field, more: str = "") -> Place:
        return Place(
            f"{self.section.name}.{field.key}", (*self.at, field.key), frozenset({more} if more else ())
        )

    def _counts(self, field: Field) -> Any:
        """What counts for a key: what the text says, what a template gives, the default."""
        given = self.given.get(field.key, field.default)
        own = self.own.get(field.key, MISSING)
        if own is MISSING:
            return given
        if isinstance(own, dict) and isinstance(given, dict):
            return {**own, **{key: value for key, value in given.items() if key not in own}}
        return own

    def _without_given(self, field: Field, value: Any) -> Any:
        """Without what a template gives anyway and the text did not say. What was emptied, and a template
        would give again, is written as nothing.
        """
        own, given = self.own.get(field.key, MISSING), self.given.get(field.key, MISSING)
        if value is MISSING:
            again = _by_template(self.text, self.at, field.key, self.templates)
            if not again:
                return MISSING
            if isinstance(again, list):
                return []
            # A mapping is completed key by key, unless the form has it as one of several shapes.
            return dict.fromkeys(again) if isinstance(field.control, Group) else None
        if not isinstance(value, dict) or not isinstance(given, dict):
            return value
        said, before = own if isinstance(own, dict) else {}, self.counts[field.key]
        kept = {
            key: each for key, each in value.items() if key in said or each is not given.get(key, MISSING)
        }
        if gone := [key for key in before if key not in value]:
            again = _by_template(self.text, self.at, field.key, self.templates)
            kept |= {key: None for key in gone if isinstance(again, dict) and again.get(key) is not None}
        return kept


def _by_template(text: str, at: Path, key: str, templates: Templates) -> Any:
    """What counts for a key if the text says nothing of it itself; None for nothing."""
    root, _ = parse_tree(text, ORIGIN)
    place: Any = root
    for step in at:
        if isinstance(step, int):
            place = place.items[step] if isinstance(place, Items) else None
        else:
            entry = place.entries.get(step) if isinstance(place, Entries) else None
            place = None if entry is None else entry.node
    if not isinstance(root, Entries) or not isinstance(place, Entries):
        return None
    place.entries.pop(key, None)
    expand(root, templates)
    try:
        return _inner(to_data(root), at).get(key)
    except (LookupError, TypeError):
        return None


def completed(text: str, at: Path = (), templates: Templates = BUILT_IN) -> dict[str, Any]:
    """What counts at a place of a definition: what its text says, and what the templates give that it names.

    Empty for what cannot be read, or is no mapping.
    """
    root, _ = parse_tree(text, ORIGIN)
    if not isinstance(root, Entries):
        return {}
    expand(root, templates)
    try:
        return _inner(to_data(root), at)
    except (LookupError, TypeError):
        return {}


def on_its_own(text: str, job: int, templates: Templates = BUILT_IN) -> str:
    """The text with a job that says itself what the collection's template gives it: that knows a job by its
    name, so by another one the job would lose its filters, limits and approvers without a word.

    Raises DefinitionError for a text that cannot be read.
    """
    data = data_of(text)
    jobs = data.get("jobs")
    if data.get("template") is None or not isinstance(jobs, list) or not isinstance(jobs[job], dict):
        return text
    own = dict(jobs[job])
    for key, given in completed(text, ("jobs", job), templates).items():
        said = own.get(key, MISSING)
        if said is MISSING:
            own[key] = given
        elif isinstance(said, dict) and isinstance(given, dict):
            own[key] = {**said, **{inner: each for inner, each in given.items() if inner not in said}}
    return rewrite(text, {**data, "jobs": [*jobs[:job], own, *jobs[job + 1 :]]})


def _inner(data: Any, at: Path) -> dict[str, Any]:
    for step in at:
        data = data[step]
    return data if isinstance(data, dict) else {}


def _put(data: Any, at: Path, value: Any) -> Any:
    if not at:
        return value
    step = at[0]
    if isinstance(data, list):
        assert isinstance(step, int)
        return [*data[:step], _put(data[step], at[1:], value), *data[step + 1 :]]
    return {**data, step: _put(data[step], at[1:], value)}


def _key(problem: Problem) -> str:
    """The key that a problem is about: of a missing one, that key itself."""
    if problem.code is Code.MISSING and problem.missing:
        return f"{problem.key}.{problem.missing}" if problem.key else problem.missing
    return problem.key


def _is_below(key: str, top: str) -> bool:
    return key == top or key.startswith((f"{top}.", f"{top}["))


def _innermost(parts: Iterable[Part], key: str) -> Part | None:
    """The input closest to what a problem is about."""
    for part in parts:
        if part.kind != "fixed" and _is_below(key, part.key):
            return _innermost(_inside(part), key) or part
    return None


def _inside(part: Part) -> Iterator[Part]:
    yield from (each.part for each in part.parts)
    yield from (
        each.part
        for each in part.variants
        if each.chosen and each.part is not None and each.part.kind != "group"
    )
    for each in part.variants:
        if each.chosen and each.part is not None:
            yield from (inner.part for inner in each.part.parts)
    yield from (row.part for row in part.rows)
