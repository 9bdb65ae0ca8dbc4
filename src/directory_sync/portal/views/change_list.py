"""The changes of a plan as a page shows them: filtered and page by page, each with its fields, log line and
result.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from directory_sync.endpoints.change import WORST_FIRST, Result
from directory_sync.portal.changes import ShownChanges
from directory_sync.portal.queries import ChangeQuery, Order
from directory_sync.portal.views.pattern_table import PatternTable
from directory_sync.present.line import change_line, mark_text
from directory_sync.present.pieces import Piece, visible
from directory_sync.present.shown import ShownChange
from directory_sync.present.values import ALONE, ON_A_PAGE, Extent, FieldShown, show_field
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
        result: what became of it, empty if nothing has yet; `result_text` in words, `message` why.
        old_side, new_side: whether any field has values that go or come.
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
        following = filter_parameters(self.query)
        if self.query.order is not Order.CONSEQUENCE:
            following["order"] = self.query.order.value
        return urlencode({**following, "after": self.found.next})

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
    )


def show_alone(change: ShownChange) -> ChangeShown:
    """One change on a page of its own, with much more of its values."""
    return show_change(change, Marking(), ALONE)
