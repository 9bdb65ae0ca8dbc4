"""The changes of a plan as a page shows them: filtered and page by page, each with its fields, log line and
result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import Request, Response

from directory_sync.endpoints.change import WORST_FIRST, Action, Change, Result
from directory_sync.portal.changes import ShownChanges
from directory_sync.portal.queries import ChangeQuery, Order
from directory_sync.portal.views.frame import Frame
from directory_sync.portal.views.pattern_table import PatternTable
from directory_sync.portal.views.rendering import render
from directory_sync.present.line import change_line, mark_text
from directory_sync.present.pieces import Piece, visible
from directory_sync.present.shown import ShownChange
from directory_sync.present.values import ALONE, ON_A_PAGE, Extent, FieldShown, ValueShown, show_field
from directory_sync.present.word_marks import Marking
from directory_sync.present.words import VERBS
from directory_sync.printable import printable

RESULTS = {
    Result.DONE: "Done",
    Result.FOUND_DONE: "Found done afterwards",
    Result.CONFLICT: "Conflict: not made",
    Result.FAILED: "Failed",
    Result.NOT_DONE: "Not made: the run ended before",
    Result.UNCERTAIN: "Uncertain",
}
GIST_FIELDS = 2
"""Fields that the line of a change names."""
GIST_LENGTH, GIST_BEFORE = 48, 12
"""Characters of a value in the line of a change, and of those before its first difference."""

ACTION_CHOICES = tuple((action.value, VERBS[action]) for action in WORST_FIRST)
ORDER_CHOICES = ((Order.CONSEQUENCE, "Worst first"), (Order.PLAN, "As applied"))
RESULT_CHOICES = (
    ("conflict", "Conflict: not made"),
    ("failed", "Failed"),
    ("uncertain", "Uncertain"),
    ("not_done", "Not made: the run ended before"),
    ("done", "Done"),
    ("found_done", "Found done afterwards"),
    ("open", "Nothing yet"),
)


@dataclass(frozen=True, slots=True)
class Gist:
    """A few words of what one field gets, for the line of its change; `text` where values say too much."""

    name: tuple[Piece, ...]
    old: tuple[Piece, ...]
    new: tuple[Piece, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """One change.

    Attributes:
        sequence: its place in the plan, from 0.
        kind: `delete`, `update`, …; `verb` is the word for it.
        name: what people call the object, empty if only its key is known.
        object, new_object: the object's id before and after, differences marked; the latter is empty if it
            stays. Both are empty where the id is the key and stays, as in files.
        marks: what sets a removal apart, in words.
        log_line: the line of the job's log.
        result: its result, empty if nothing has yet; `result_text` in words, `message` why.
        old_side, new_side: whether any field has values that go or come.
        gist: the first fields in a few words; `gist_more`: how many fields follow.
        place: where the object is, for the line: its id before the change, or the one that it gets.
    """

    sequence: int
    kind: str
    verb: str
    key: str
    name: str
    object: tuple[Piece, ...]
    new_object: tuple[Piece, ...]
    fields: tuple[FieldShown, ...]
    marks: tuple[str, ...]
    log_line: str
    result: str
    result_text: str
    message: str
    place: str

    @property
    def gist(self) -> tuple[Gist, ...]:
        """What the line of the change says of its fields."""
        goes = self.kind == Action.DELETE
        return tuple(_gist(field, goes=goes) for field in self.fields[:GIST_FIELDS])

    @property
    def gist_more(self) -> int:
        """How many fields the line does not name."""
        return max(0, len(self.fields) - GIST_FIELDS)

    @property
    def cut(self) -> bool:
        """Whether a value is not shown in full."""
        return any(field.cut for field in self.fields)

    @property
    def old_side(self) -> bool:
        """Whether anything goes."""
        return any(field.old or field.old_more for field in self.fields)

    @property
    def new_side(self) -> bool:
        """Whether anything comes."""
        return any(field.new or field.new_more for field in self.fields)


@dataclass(frozen=True, slots=True)
class ListLinks:
    """Where a list of changes stands.

    Attributes:
        part: path of the list by itself, for htmx; `page`: of the page that it stands on, ready for more of a
            query.
        detail: path of the page of one change, without its number.
        downloads: path without ending.
        hidden: parameters that the page's own address has besides the filter.
    """

    part: str
    page: str
    detail: str
    downloads: str
    hidden: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeList:
    """A page of a plan's changes.

    Attributes:
        found: the changes; `query`: what was asked for.
        links: where it stands.
        all: how many changes the plan has.
        ldif: there is a download as LDIF.
        applied: results can be filtered by.
        changes: as they are shown.
        patterns: all changes of the plan by pattern.
    """

    found: ShownChanges
    query: ChangeQuery
    links: ListLinks
    all: int
    ldif: bool
    applied: bool
    changes: tuple[ChangeShown, ...]
    patterns: PatternTable

    @property
    def filtered(self) -> bool:
        """Whether not all changes are let through."""
        query = self.query
        given = query.search or query.field or query.action or query.result
        return bool(given) or query.pattern is not None

    @property
    def filter(self) -> str:
        """Query of what the list is filtered by, for downloads."""
        return urlencode(filter_parameters(self.query))

    @property
    def next(self) -> str:
        """Query of what follows; empty at the end."""
        if self.found.next is None:
            return ""
        return urlencode({**self._asked(), "after": self.found.next})

    @property
    def address(self) -> str:
        """Of the page with just what was asked for, so that the list can be reloaded and passed on."""
        return f"{self.links.page}{urlencode(self._asked())}#changes"

    def _asked(self) -> dict[str, str]:
        asked = filter_parameters(self.query)
        if self.query.order is not Order.CONSEQUENCE:
            asked["order"] = self.query.order.value
        return asked

    @property
    def left(self) -> int:
        """How many follow, where that is known: a page that begins in the middle does not know how many are
        before it.
        """
        known = self.found.next is not None and self.query.after is None
        return self.found.total - len(self.found.changes) if known else 0

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Kinds to choose from."""
        return ACTION_CHOICES

    @property
    def orders(self) -> tuple[tuple[Order, str], ...]:
        """Orders to choose from."""
        return ORDER_CHOICES

    @property
    def results(self) -> tuple[tuple[str, str], ...]:
        """Results to choose from."""
        return RESULT_CHOICES


def filter_parameters(query: ChangeQuery) -> dict[str, str]:
    """The parameters of an address that filter changes."""
    filter = {"search": query.search, "field": query.field, "action": query.action, "result": query.result}
    given = {name: str(value) for name, value in filter.items() if value}
    return given if query.pattern is None else {**given, "pattern": str(query.pattern)}


def change_list(
    found: ShownChanges,
    query: ChangeQuery,
    links: ListLinks,
    *,
    all: int,
    ldif: bool,
    applied: bool,
    patterns: PatternTable,
) -> ChangeList:
    """What the list shows; see `ChangeList`."""
    marking = Marking()
    changes = tuple(show_change(change, marking) for change in found.changes)
    return ChangeList(
        found, query, links, all=all, ldif=ldif, applied=applied, changes=changes, patterns=patterns
    )


def render_part(request: Request, frame: Frame, page: ChangeList, *, more: bool) -> Response:
    """What a filter lets through, for a page that shows it already; or the rows that follow.

    The browser's address then says what is filtered.
    """
    if more:
        return render(request, "_changes_rows.html", frame, page)
    answer = render(request, "_changes_found.html", frame, page)
    answer.headers["HX-Replace-Url"] = page.address
    return answer


def show_change(shown: ShownChange, marking: Marking, extent: Extent = ON_A_PAGE) -> ChangeShown:
    """One change with everything about it."""
    change, outcome = shown.told, shown.outcome
    before, after = visible(change.object), visible(change.new_object or "")
    if change.new_object:
        old, new = marking.compare(change.object, change.new_object)
        before = tuple(piece for part in old for piece in visible(part.text, marked=part.marked))
        after = tuple(piece for part in new for piece in visible(part.text, marked=part.marked))
    elif change.object == change.key:
        before = ()
    return ChangeShown(
        sequence=shown.sequence,
        kind=change.action.value,
        verb=VERBS[change.action],
        key=change.key,
        name=shown.name,
        object=before,
        new_object=after,
        fields=tuple(show_field(field, marking, extent) for field in shown.fields),
        marks=tuple(map(mark_text, change.marks)),
        log_line=printable(change_line(shown, planned=outcome is None)),
        result="" if outcome is None else outcome.result.value,
        result_text="" if outcome is None else RESULTS[outcome.result],
        message="" if outcome is None else outcome.message,
        place="" if change.object == change.key and not change.new_object else _place(change),
    )


def _place(change: Change) -> str:
    return f"{change.object} → {change.new_object}" if change.new_object else change.object


def _gist(field: FieldShown, *, goes: bool) -> Gist:
    """`goes`: the object itself does, so that its fields need not be called cleared."""
    if field.several or field.old_more or field.new_more:
        came, went = len(field.new) + field.new_more, len(field.old) + field.old_more
        if came == went == 1:
            return Gist(field.name, _short(field.old), _short(field.new))
        told = [f"{number:,} {what}" for number, what in ((came, "added"), (went, "removed")) if number]
        return Gist(field.name, (), (), ", ".join(told) or "written in another way")
    return Gist(field.name, _short(field.old), _short(field.new), "" if field.new or goes else "(cleared)")


def _short(values: Sequence[ValueShown]) -> tuple[Piece, ...]:
    """The only value in a few words, from its first difference on where it is long."""
    if not values:
        return ()
    value = values[0]
    if value.note:
        return (Piece(value.note),)
    pieces = value.pieces
    if sum(len(piece.text) for piece in pieces) > GIST_LENGTH:
        first = next((place for place, piece in enumerate(pieces) if piece.marked), 0)
        before = "".join(piece.text for piece in pieces[:first])[-GIST_BEFORE:]
        pieces = (Piece(f"…{before}"), *pieces[first:]) if first else pieces
    room, short = GIST_LENGTH, []
    for piece in pieces:
        if piece.line_end or room <= 0:
            short.append(Piece("…"))
            break
        short.append(replace(piece, text=piece.text[:room]))
        room -= len(piece.text)
        if room < 0:
            short.append(Piece("…"))
            break
    else:
        if value.after:
            short.append(Piece("…"))
    return tuple(short)


def show_alone(change: ShownChange) -> ChangeShown:
    """One change on a page of its own, with much more of its values."""
    return show_change(change, Marking(), ALONE)
