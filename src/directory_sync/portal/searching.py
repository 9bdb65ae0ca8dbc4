"""What a text is found in: collections, jobs, templates, requests and objects, as far as a visitor may see
them.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

from directory_sync.approval.request import Request
from directory_sync.errors import RequestNotFound
from directory_sync.portal import collection_list, job_list
from directory_sync.portal.access import Visitor
from directory_sync.portal.collection_list import Listed
from directory_sync.portal.job_list import ListedJob
from directory_sync.portal.reading import visible_request
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.template_list import ListedTemplate, list_templates
from directory_sync.store.history import HistoryEntry, Mention
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.store import Store

MOST = 8
"""Of each group that a page shows."""
_NUMBER = re.compile(r"#?([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, at most `MOST` of each group, and how many there are of those that are counted.

    Attributes:
        done: what was done to the object of exactly this id, newest first.
        changes: changes of the newest plans that hold the text.
    """

    collections: tuple[Listed, ...] = ()
    collections_total: int = 0
    jobs: tuple[ListedJob, ...] = ()
    jobs_total: int = 0
    templates: tuple[ListedTemplate, ...] = ()
    requests: tuple[Request, ...] = ()
    done: tuple[HistoryEntry, ...] = ()
    changes: tuple[Mention, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing was found at all."""
        return not any((self.collections, self.jobs, self.templates, self.requests, self.done, self.changes))


def search(store: Store, visitor: Visitor, text: str) -> Found:
    """Look for a text. Raises SettingsError, StoreError."""
    text = text.strip()
    if not text:
        return Found()
    rows, _ = collection_list.read_all(store, visitor)
    collections = [row for row in rows if collection_list.mentions(row, text)]
    jobs = [row for row in job_list.jobs_of(store, rows)[0] if job_list.mentions(row, text)]
    templates = [
        each
        for each in list_templates(saving_rules(visitor, only_looks=True).templates)
        if text.casefold() in f"{each.name}\n{each.title}".casefold()
    ]
    run = visitor.visible(store.run_overview.collections())
    return Found(
        collections=tuple(collections[:MOST]),
        collections_total=len(collections),
        jobs=tuple(jobs[:MOST]),
        jobs_total=len(jobs),
        templates=tuple(templates[:MOST]),
        requests=_requests(store, visitor, text),
        done=store.history.of_object(text, collections=run, limit=MOST),
        changes=store.history.mentioning(text, collections=run, limit=MOST),
    )


def _requests(store: Store, visitor: Visitor, text: str) -> tuple[Request, ...]:
    """The one of this number, and those whose description or reason holds the text, newest first."""
    found: list[Request] = []
    if number := _NUMBER.fullmatch(text):
        with contextlib.suppress(RequestNotFound):
            found.append(visible_request(store, visitor, int(number[1])).request)
    visible = visitor.visible(store.requests.collections())
    filter = RequestFilter(collections=visible, description=text)
    found += store.requests.all(filter, limit=MOST).requests
    return tuple({request.id: request for request in found}.values())[:MOST]
