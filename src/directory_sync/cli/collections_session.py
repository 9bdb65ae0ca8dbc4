"""Saved collections of a running Airflow, for a person who is logged in there: what its REST API gives and
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from directory_sync.cli.requests_session import Session
from directory_sync.cli.rest_client import Query
from directory_sync.definition.documents import read_document
from directory_sync.definition.export import dump
from directory_sync.definition.loading import load
from directory_sync.errors import DefinitionError
from directory_sync.portal.wire.collections import (
    CheckedAnswer,
    CollectionListAnswer,
    ImportAnswer,
    SavedAnswer,
    VersionAnswer,
    VersionListAnswer,
    VersionTextAnswer,
)
from directory_sync.portal.wire.plans import ReportAnswer
from directory_sync.portal.wire.previews import PreviewAnswer
from directory_sync.portal.wire.runs import RunAnswer, StartedRunAnswer, StoppedRunAnswer

_PATH = "/collections"
_PAGE = 200
"""Changes that are asked for at once."""


def read_text(file: Path) -> str:
    """The text of a definition file; of a JSON file, the same as YAML. Raises DefinitionError."""
    document = read_document(file)
    if document.unreadable is not None:
        raise DefinitionError([document.unreadable])
    return dump(load(document).collection) if file.suffix.lower() == ".json" else document.text


@dataclass(frozen=True, slots=True)
class Collections:
    """What can be done with saved collections. Each call raises NotAllowed, CollectionError, DefinitionError,
    EndpointError.
    """

    session: Session

    def all_data(self) -> Any:
        """All that the person may see, as the API gives them."""
        return self.session.client.get(_PATH)

    def all(self, data: Any) -> CollectionListAnswer:
        """The same as a model."""
        return self.session.read(CollectionListAnswer, data)

    def show_data(self, name: str) -> Any:
        """One collection as the API gives it."""
        return self.session.client.get(_at(name))

    def version_data(self, name: str, number: int) -> Any:
        """One version as the API gives it."""
        return self.session.client.get(f"{_at(name)}/versions/{number}")

    def version(self, data: Any) -> VersionTextAnswer:
        """The same as a model; also of a whole collection."""
        return self.session.read(VersionTextAnswer, data)

    def versions_data(self, name: str) -> Any:
        """The versions of a collection as the API gives them."""
        return self.session.client.get(f"{_at(name)}/versions")

    def versions(self, data: Any) -> list[VersionAnswer]:
        """The same as models, newest first."""
        return self.session.read(VersionListAnswer, data).versions

    def newest_number(self, name: str) -> int:
        """Number of the newest version; 0 for a collection that is deleted."""
        newest = next(iter(self.versions(self.versions_data(name))), None)
        return 0 if newest is None or newest.deleted else newest.number

    def check(self, name: str, text: str) -> CheckedAnswer:
        """What saving a definition would do."""
        data = self.session.client.post(f"{_PATH}/check", {"text": text, "name": name})
        return self.session.read(CheckedAnswer, data)

    def save(self, name: str, text: str, *, expected: int, comment: str) -> SavedAnswer:
        """Save a definition."""
        body = {"text": text, "expected": expected, "comment": comment}
        return self.session.read(SavedAnswer, self.session.client.put(_at(name), body))

    def restore(self, name: str, number: int, *, expected: int, comment: str) -> SavedAnswer:
        """Save an earlier version again."""
        body = {"number": number, "expected": expected, "comment": comment}
        return self.session.read(SavedAnswer, self.session.client.post(f"{_at(name)}/restore", body))

    def rename(self, name: str, body: Mapping[str, Any]) -> SavedAnswer:
        """Give a collection another name."""
        return self.session.read(SavedAnswer, self.session.client.post(f"{_at(name)}/rename", body))

    def delete(
        self, name: str, *, expected: int, confirm: str, comment: str, stop: bool = False
    ) -> VersionAnswer:
        """Delete a collection; `stop`: stop first what is under way."""
        query: Query = {"expected": expected, "confirm": confirm, "comment": comment}
        if stop:
            query = {**query, "stop": "true"}
        return self.session.read(VersionAnswer, self.session.client.delete(_at(name), query))

    def start(self, name: str, body: Mapping[str, Any]) -> StartedRunAnswer:
        """Start a run."""
        return self.session.read(StartedRunAnswer, self.session.client.post(f"{_at(name)}/runs", body))

    def run_data(self, name: str, run_id: str) -> Any:
        """One run as the API gives it."""
        return self.session.client.get(_run(name, run_id))

    def run(self, name: str, run_id: str) -> RunAnswer:
        """The same as a model."""
        return self.session.read(RunAnswer, self.run_data(name, run_id))

    def report_pages(self, name: str, run_id: str, query: Query) -> Iterator[Any]:
        """Yield the report of a run as the API gives it, page by page; at least one page."""
        seen: set[tuple[str | None, int | None]] = set()
        at: str | None = None
        after: int | None = None
        # A page that leads back would never end.
        while (at, after) not in seen:
            seen.add((at, after))
            asked = {**query, "at": at, "after": after, "limit": _PAGE}
            data = self.session.client.get(f"{_run(name, run_id)}/changes", asked)
            yield data
            page = self.report_page(data)
            if page.next_job is None:
                return
            at, after = page.next_job, page.next

    def report_page(self, data: Any) -> ReportAnswer:
        """The same as a model."""
        return self.session.read(ReportAnswer, data)

    def download_report(self, name: str, run_id: str, query: Query) -> Iterator[str]:
        """Yield the report of a run as a text, of the `format` that the query names."""
        return self.session.client.download(f"{_run(name, run_id)}/report", query)

    def stop(self, name: str, run_id: str, *, reason: str) -> StoppedRunAnswer:
        """Stop a run for good."""
        body = {"reason": reason}
        data = self.session.client.post(f"{_run(name, run_id)}/stop", body)
        return self.session.read(StoppedRunAnswer, data)

    def ask_preview(self, body: Mapping[str, Any]) -> Any:
        """Ask for a preview; it as the API gives it."""
        return self.session.client.post("/previews", body)

    def preview_data(self, id: str) -> Any:
        """A preview as the API gives it."""
        return self.session.client.get(f"/previews/{quote(id, safe='')}")

    def cancel_preview(self, id: str) -> None:
        """End a preview that no one waits for any more."""
        self.session.client.post(f"/previews/{quote(id, safe='')}/cancel", {})

    def preview(self, data: Any) -> PreviewAnswer:
        """The same as a model."""
        return self.session.read(PreviewAnswer, data)

    def export(self, names: list[str]) -> Iterator[str]:
        """Yield saved collections as one file."""
        return self.session.client.download(f"{_PATH}.yaml", {"name": names})

    def import_data(self, body: Mapping[str, Any]) -> Any:
        """Import a file; the result of each definition, as the API gives it."""
        return self.session.client.post(f"{_PATH}/import", body)

    def imported(self, data: Any) -> ImportAnswer:
        """The same as a model."""
        return self.session.read(ImportAnswer, data)


def _run(name: str, run_id: str) -> str:
    return f"/runs/{quote(name, safe='')}/{quote(run_id, safe='')}"


def _at(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
