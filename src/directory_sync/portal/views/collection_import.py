"""Importing a file of definitions: what it holds, what is to be done where a name is taken, and the result
of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from starlette.datastructures import UploadFile

from directory_sync.collections.import_choices import MOST_ITEMS, Choice, Clash, Do, ItemState
from directory_sync.definition.problems import Problem
from directory_sync.errors import DefinitionError, DirectorySyncError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collections import Imported
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.typed_texts import sent_lines, sent_number
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.wire.collections import LONGEST_IMPORT
from directory_sync.present.definition_changes import ChangeLine, change_lines

router = APIRouter()

_STATES: Mapping[ItemState, tuple[str, str]] = {
    ItemState.READY: ("can be saved", "waiting"),
    ItemState.CLASH: ("its name is taken", "changed"),
    ItemState.SAVED: ("saved", "done"),
    ItemState.UNCHANGED: ("saved already, with the same text", "done"),
    ItemState.SKIPPED: ("skipped", ""),
    ItemState.REFUSED: ("cannot be saved", "failed"),
}
"""State → in words, and the badge that goes with it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The form.

    Attributes:
        text: of the file, pasted or uploaded.
        import_now: False to look at it only.
        problem: why the file could not be read; empty if it could.
    """

    text: str
    comment: str
    import_now: bool
    choices: Mapping[str, Choice]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One definition of the file.

    Attributes:
        state: in words; `badge` goes with it.
        asks: a choice is needed; `may_replace`: replacing is one.
        chosen: what was chosen.
        new_name: what was typed, or a proposal.
    """

    imported: Imported
    state: str
    badge: str
    asks: bool
    may_replace: bool
    chosen: str
    new_name: str
    changes: tuple[ChangeLine, ...]


@dataclass(frozen=True, slots=True)
class ImportPage:
    """What the page shows.

    Attributes:
        rows: empty before a file was given.
        imported: the rows are results; False if nothing was done yet.
        open: there is something left to import.
        alert, problems: why the file cannot be imported.
    """

    text: str = ""
    comment: str = ""
    rows: tuple[Row, ...] = ()
    imported: bool = False
    open: bool = False
    alert: str = ""
    problems: tuple[Problem, ...] = ()


async def sent_import(request: HttpRequest) -> Sent:
    """Dependency: the form, read whole; larger files than can be imported are cut off and refused."""
    form = await request.form(max_files=1, max_fields=4 * MOST_ITEMS, max_part_size=4 * LONGEST_IMPORT)
    values = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    text, problem = values.get("definition", ""), ""
    if isinstance(file := form.get("file"), UploadFile) and file.filename:
        data = await file.read(4 * LONGEST_IMPORT + 1)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text, problem = "", "The file is not in UTF-8. Save it as UTF-8, then try again."
    text = sent_lines(text)
    if len(text) > LONGEST_IMPORT:
        most = f"{LONGEST_IMPORT // 1024 // 1024} MiB"
        text, problem = "", f"The file is larger than {most}. Split it, then import each part."
    choices = {
        name.removeprefix("do:"): Choice(
            Do(value),
            values.get(f"to:{name.removeprefix('do:')}", "").strip(),
            sent_number(values.get(f"expected:{name.removeprefix('do:')}", "")),
        )
        for name, value in values.items()
        if name.startswith("do:") and value in set(Do)
    }
    return Sent(text, values.get("comment", ""), values.get("do") == "import", choices, problem)


@router.get("/import-collections")
def ask(request: HttpRequest, frame: CurrentFrame) -> Response:
    """The form to give a file."""
    return render(request, "collection_import.html", frame, ImportPage())


@router.post("/import-collections")
def import_file(
    request: HttpRequest,
    sent: Annotated[Sent, Depends(sent_import)],
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Say what the file holds, or import it."""
    page = ImportPage(sent.text, sent.comment, alert=sent.problem)
    if sent.problem:
        return render(request, "collection_import.html", frame, page, status=422)
    try:
        found = collections.import_file(
            store,
            visitor,
            sent.text,
            sent.choices,
            check_only=not sent.import_now,
            comment=sent.comment,
        )
    except DefinitionError as error:
        page = ImportPage(sent.text, sent.comment, problems=error.problems)
        return render(request, "collection_import.html", frame, page, status=status_of(error))
    except DirectorySyncError as error:
        page = ImportPage(sent.text, sent.comment, alert=str(error))
        return render(request, "collection_import.html", frame, page, status=status_of(error))
    rows = tuple(_row(each, sent.choices) for each in found)
    left = any(row.imported.item.state in (ItemState.READY, ItemState.CLASH) for row in rows)
    page = ImportPage(sent.text, sent.comment, rows, sent.import_now, open=left or not sent.import_now)
    return render(request, "collection_import.html", frame, page)


def _row(imported: Imported, choices: Mapping[str, Choice]) -> Row:
    item = imported.item
    state, badge = _STATES[item.state]
    choice: Any = choices.get(item.name or "")
    return Row(
        imported=imported,
        state=state,
        badge=badge,
        # One that was refused under another name can be given a third.
        asks=item.name is not None
        and (item.state is ItemState.CLASH or (item.state is ItemState.REFUSED and item.clash is not None)),
        may_replace=item.clash is Clash.SAVED,
        chosen="skip" if choice is None else choice.do.value,
        new_name=(choice.to if choice is not None and choice.to else f"{item.name}_2"),
        changes=change_lines(item.changes),
    )
