"""Editing a collection as YAML: the form, *Check* and *Save*.

Whatever goes wrong, what was typed stands in the form again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections.documents import renamed
from directory_sync.definition.problems import Problem, has_errors
from directory_sync.errors import (
    CollectionChanged,
    DefinitionError,
    DirectorySyncError,
    RequestNotFound,
    StoreError,
)
from directory_sync.portal import collections, previews
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview, require_editable
from directory_sync.portal.example_definition import EXAMPLE, EXAMPLE_OF_JOB
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore, forget_store
from directory_sync.portal.template_list import find_template, start_with
from directory_sync.portal.typed_texts import LARGEST_FIELD, sent_lines, sent_number
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.present.definition_changes import ChangeLine, change_lines
from directory_sync.present.text_diff import DiffLine, text_diff
from directory_sync.store.preview_model import QuestionKind
from directory_sync.store.store import Store

router = APIRouter()

_MOST_PROBLEMS = 100
_AROUND = 2
"""Lines that are shown around one with a problem."""
_LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class SentEdit:
    """The form as it was sent; see `Editor`.

    Attributes:
        over: number of another person's version that is to be replaced; 0 for none.
        save: False to check only, or to preview.
        preview: what the text would do is asked.
    """

    text: str
    comment: str
    expected: int
    over: int
    save: bool
    preview: bool = False


async def sent_edit(request: HttpRequest) -> SentEdit:
    """Dependency: the form. FastAPI's own fields hold no more than 1 MiB."""
    form = await request.form(max_files=0, max_fields=50, max_part_size=LARGEST_FIELD)
    values = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    over = sent_number(values.get("over", ""))
    return SentEdit(
        sent_lines(values.get("definition", "")),
        values.get("comment", ""),
        sent_number(values.get("expected", "")),
        over,
        values.get("do") == "save" or bool(over),
        values.get("do") == "preview" and not over,
    )


Sent = Annotated[SentEdit, Depends(sent_edit)]


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A line of the text near a problem; `problems` are those in this line."""

    number: int
    text: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another person has saved meanwhile.

    Attributes:
        text: who and when.
        number: of their version.
        theirs: what they have changed in the version that was edited.
    """

    text: str
    number: int
    theirs: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class Editor:
    """The form.

    Attributes:
        name: of the collection; empty for a new one.
        heading: of the page.
        action: path that the form is sent to, below the portal's root; `back` the page that *Cancel* leads
            to.
        keep: by what the browser keeps what is typed.
        text, comment, expected: the fields; `expected` is the number of the version that was edited.
        alert: why nothing was saved; empty if nothing is wrong with that.
        problems: of the definition; `lines` the text around them.
        checked: the definition can be saved; `changes` what that would change.
        conflict: None if no one else has saved.
    """

    name: str
    heading: str
    action: str
    back: str
    keep: str
    text: str
    expected: int
    comment: str = ""
    alert: str = ""
    problems: tuple[Problem, ...] = ()
    checked: bool = False
    changes: tuple[ChangeLine, ...] = ()
    conflict: Conflict | None = None

    @property
    def usable(self) -> bool:
        """Whether the definition has no error, as far as it was checked."""
        return not has_errors(self.problems)

    @property
    def lines(self) -> tuple[NumberedLine, ...]:
        """Lines with problems, and those around them."""
        return tuple(_numbered(self.text, self.problems[:_MOST_PROBLEMS]))


@router.get("/new-collection")
def new(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    copy: str = "",
    kind: str = "",
    template: str = "",
    of: str = "",
    preview: str = "",
) -> Response:
    """The form for a new collection: with an example, of one job where `kind` is `job`, a copy of another
    one, one that uses a template, or what was previewed in it.

    Raises EditRefused if the visitor may not create any; RequestNotFound for a template that is not there.
    """
    collections.require_create(visitor)
    if preview:
        asked = previews.require_own(store, visitor, preview)
        return render(request, "collection_edit.html", frame, _new(asked.text))
    if template:
        used = find_template(saving_rules(visitor, only_looks=True).templates, of, template)
        if used is None:
            raise RequestNotFound("There is no such template. It may have been deleted: see Templates.")
        editor = replace(_new(start_with(used)), keep=f"new-collection-from-{of}-{template}")
        return render(request, "collection_edit.html", frame, replace(editor, back="/templates"))
    if not copy:
        editor = _new(EXAMPLE)
        if kind == "job":
            editor = replace(_new(EXAMPLE_OF_JOB), heading="Create New: Job", keep="new-job", back="/jobs")
        return render(request, "collection_edit.html", frame, editor)
    overview = read_overview(store, visitor, copy)
    text = renamed(overview.text, f"{copy}_copy", saving_rules(visitor).templates)
    return render(request, "collection_edit.html", frame, _new(text, copy=copy))


@router.post("/new-collection")
def create(
    request: HttpRequest, sent: Sent, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """Check or save a new collection."""
    editor = replace(_new(sent.text), comment=sent.comment)
    return _answer(request, frame, visitor, store, editor, sent)


@router.get("/collections/{name}/edit")
def edit(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    preview: str = "",
) -> Response:
    """The form with the newest version, or with an edit that was previewed. Raises EditRefused if the visitor
    may not edit it.
    """
    overview = read_overview(store, visitor, name)
    where = f"in the file {overview.file}" if overview.file else "in a file"
    saved = require_editable(overview, in_file=f"The collection {name} is kept {where}. Change it there.")
    editor = _editor(name, overview.text, saved.version.number)
    if preview:
        asked = previews.require_own(store, visitor, preview)
        if asked.collection == name and asked.kind is QuestionKind.TEXT:
            # Of the version that was edited then: what was saved since is not overwritten unseen.
            editor = _editor(name, asked.text, asked.version or 0)
    return render(request, "collection_edit.html", frame, editor)


@router.post("/collections/{name}/edit")
def change(
    request: HttpRequest,
    name: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Check or save a new version."""
    editor = replace(_editor(name, sent.text, sent.over or sent.expected), comment=sent.comment)
    return _answer(request, frame, visitor, store, editor, sent)


def _new(text: str, *, copy: str = "") -> Editor:
    back = f"/collections/{copy}" if copy else "/collections"
    heading = "Create New: Job Collection"
    return Editor("", heading, "/new-collection", back, f"new-collection-{copy}", text, 0)


def _editor(name: str, text: str, expected: int) -> Editor:
    page = f"/collections/{name}"
    return Editor(name, f"Edit {name}", f"{page}/edit", page, f"collection-{name}", text, expected)


def _answer(
    request: HttpRequest, frame: Frame, visitor: Visitor, store: Store, editor: Editor, sent: SentEdit
) -> Response:
    status = 422
    try:
        checked = collections.check(store, visitor, editor.text, name=editor.name or None)
        found = checked.checked
        editor = replace(
            editor,
            problems=found.problems,
            changes=change_lines(found.changes),
            alert=checked.taken,
            checked=found.usable and not checked.taken,
        )
        if editor.checked and sent.preview:
            question = previews.ask_text(store, visitor, editor.text, name=editor.name or None)
            # Without a word of success: what was typed is kept, it is not saved yet.
            return RedirectResponse(f"{frame.root}/previews/{question.id}", 303)
        if editor.checked and sent.save:
            name = editor.name or found.name or ""
            saved = collections.save(
                store, visitor, name, editor.text, expected=editor.expected, comment=editor.comment
            )
            said = "collection-saved" if saved.is_new_version else "collection-unchanged"
            return RedirectResponse(f"{frame.root}/collections/{name}?said={said}", 303)
        status = 200 if editor.checked else 422
    except CollectionChanged as error:
        status, editor = (
            409,
            replace(editor, checked=False, conflict=conflict_of(store, error, expected=editor.expected)),
        )
    except DefinitionError as error:
        editor = replace(editor, checked=False, problems=error.problems)
    except DirectorySyncError as error:
        if isinstance(error, StoreError):
            forget_store()
        status, editor = status_of(error), replace(editor, checked=False, alert=str(error))
    return render(request, "collection_edit.html", frame, editor, status=status)


def conflict_of(store: Store, error: CollectionChanged, *, expected: int) -> Conflict:
    """What another person has saved; `expected`: number of the version that was edited."""
    theirs = store.collections.version(error.name, error.number)
    base = store.collections.version(error.name, expected)
    diff = () if theirs is None or base is None else text_diff(base.text, theirs.text)
    return Conflict(str(error), 0 if error.deleted else error.number, diff)


def _numbered(text: str, problems: Iterable[Problem]) -> Iterable[NumberedLine]:
    lines = text.split("\n")
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        if 0 < problem.line <= len(lines):
            found.setdefault(problem.line, []).append(problem)
    shown = sorted(
        {
            number
            for line in found
            for number in range(max(1, line - _AROUND), min(len(lines), line + _AROUND) + 1)
        }
    )
    for number in shown:
        yield NumberedLine(number, lines[number - 1][:_LONGEST_LINE], tuple(found.get(number, ())))
