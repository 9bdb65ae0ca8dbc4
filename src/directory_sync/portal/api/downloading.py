"""REST: changes of plans as a file to keep, sent while it is read, so that their number does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from starlette.responses import StreamingResponse

from directory_sync.approval.request import Request
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.errors import NotDecidable, SettingsError
from directory_sync.portal.access import Visitor
from directory_sync.portal.changes import filter_of, shown_change, visible_plan
from directory_sync.portal.queries import ChangeQuery
from directory_sync.present.excel import excel_parts
from directory_sync.present.ldif import comments, has_ldif, ldif_parts
from directory_sync.present.rows import REPORT_COLUMNS, csv_parts, report_rows
from directory_sync.present.shown import ShownChange
from directory_sync.store.plan_pages import ChangeFilter, PlanHead
from directory_sync.store.store import Store


class FileFormat(StrEnum):
    """What a file with changes can be."""

    CSV = "csv"
    EXCEL = "xlsx"
    LDIF = "ldif"


_MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.LDIF: "text/x-ldif; charset=utf-8",
}


def _described(*formats: FileFormat) -> dict[int | str, dict[str, Any]]:
    text = {"schema": {"type": "string"}}
    content = {_MEDIA_TYPES[each].partition(";")[0]: text for each in formats}
    return {200: {"description": "The file.", "content": content}}


CSV_RESPONSE = _described(FileFormat.CSV)
LDIF_RESPONSE = _described(FileFormat.LDIF)
EXCEL_RESPONSE = _described(FileFormat.EXCEL)
ANY_RESPONSE = _described(*FileFormat)


@dataclass(frozen=True, slots=True)
class Section:
    """The part of a file that is about one plan.

    `filter` says which of its changes; `filtered` whether that may be fewer than all.
    """

    head: PlanHead
    job: Job
    filter: ChangeFilter

    @property
    def filtered(self) -> bool:
        """Whether not all changes are let through."""
        return self.filter != ChangeFilter()


def plan_download(
    store: Store,
    visitor: Visitor,
    plan_id: int,
    query: ChangeQuery,
    format: FileFormat,
    *,
    name: str,
    request: Request | None = None,
) -> StreamingResponse:
    """The changes of a plan that a query lets through, all of them, in the plan's order.

    Args:
        store, visitor: who asks for what.
        plan_id: the plan.
        query: what it is filtered by; the page that it asks for does not count.
        format: of the file.
        name: the file's without its ending.
        request: the one that asks about the plan.

    Raises PlanAltered (409) for a plan that is not what was stored, NotDecidable (409) for changes that have
    no form in LDIF.
    """
    head, job = visible_plan(store, visitor, plan_id)
    return download(store, [Section(head, job, filter_of(store, head, query))], format, name, request=request)


def download(
    store: Store,
    sections: Sequence[Section],
    format: FileFormat,
    name: str,
    *,
    request: Request | None = None,
) -> StreamingResponse:
    """A file about plans that the visitor may see. Raises as `plan_download`."""
    if format is FileFormat.LDIF and not any(has_ldif(section.job) for section in sections):
        jobs = ", ".join(section.job.name for section in sections)
        raise NotDecidable(
            f"Job {jobs} writes to a table, whose changes have no form in LDIF. Download the CSV."
            if jobs
            else "No job of this run has a plan, so there is nothing to write as LDIF."
        )
    # A file has no place for the warning that someone has altered a plan: it is read in full first.
    for section in sections:
        _require_intact(store, section.head, request)
    match format:
        case FileFormat.CSV:
            return _streamed(_encoded(csv_parts(_rows(store, sections))), format, name)
        case FileFormat.EXCEL:
            return _streamed(
                excel_parts(REPORT_COLUMNS, _rows(store, sections), name="Changes"), format, name
            )
        case FileFormat.LDIF:
            return _streamed(_encoded(_ldif(store, sections)), format, name)


def _require_intact(store: Store, head: PlanHead, request: Request | None) -> None:
    digest, figures = (
        (head.digest, head.statistics.to_json()) if request is None else (request.digest, request.statistics)
    )
    if request is not None:
        store.requests.verify(request)
    store.plans.verify(head.id, digest=digest, statistics=figures)


def _rows(store: Store, sections: Iterable[Section]) -> Iterator[tuple[str, ...]]:
    for section in sections:
        yield from report_rows(section.job.name, _changes(store, section))


def _ldif(store: Store, sections: Sequence[Section]) -> Iterator[str]:
    for number, section in enumerate(sections):
        if has_ldif(section.job):
            notes = ["only the changes that the filter of the report lets through"]
            yield from ldif_parts(
                section.head,
                section.job,
                _changes(store, section),
                notes=notes if section.filtered else (),
                first=number == 0,
            )
        else:
            first = "version: 1\n\n" if number == 0 else "\n"
            yield first + comments(
                [f"job {section.job.name} writes to a table: its changes have no form in LDIF"]
            )


def _changes(store: Store, section: Section) -> Iterator[ShownChange]:
    is_secret = secret_fields(section.job)
    found = store.plan_pages.changes_with_outcomes(section.head, section.filter)
    return (shown_change(is_secret, stored) for stored in found)


def _encoded(parts: Iterator[str]) -> Iterator[bytes]:
    return (part.encode(errors="replace") for part in parts)


def _streamed(parts: Iterator[bytes], format: FileFormat, name: str) -> StreamingResponse:
    # The first part is made before anything is sent, so that a store that does not answer is an error and no
    # empty file.
    try:
        first = next(parts, b"")
    except OSError as error:
        raise SettingsError(
            f"The file could not be made in the API server's temporary folder: {error.strerror or error}."
            " Make room there, or let TMPDIR name a folder that has more."
        ) from None
    return StreamingResponse(
        chain([first], parts),
        media_type=_MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}.{format.value}"'},
    )
