"""What every page is framed by: who looks, which list they are in, how much waits for them, and a message
about what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from directory_sync.errors import DirectorySyncError
from directory_sync.portal import airflow_login, collections, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.links import portal_path, sign_in_path
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.running import runs_under_way
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.help_links import help_link
from directory_sync.store.run_overview import RunUnderWay

SHOWN_COUNT = 99
"""Beyond this the count of the inbox is `99+`."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said about something that was just done; `tone` is `good`, `careful` or `bad`."""

    text: str
    tone: str = "good"


MESSAGES: Mapping[str, Message] = {
    "approved": Message("You have approved the request. This page shows the result."),
    "waiver-approved": Message(
        "You have approved the waiver. Nothing is written before a later run uses it: see below."
    ),
    "agreed": Message("Your approval is recorded. More people have to agree before anything is written."),
    "denied": Message("You have denied the request. Nothing will be written for it."),
    "rerouted": Message(
        "The request was sent on. The people you named are asked too; who was asked before can still decide."
    ),
    "commented": Message("Your comment was added."),
    "cancelled": Message("The request was cancelled. Nothing will be written for it."),
    "replanned": Message(
        "A new run of this job has been started. If its changes need approval, a new request will follow."
    ),
    "waiver": Message(
        "You have asked for the limits to be waived once, for exactly this plan. Nothing was written yet."
        " Once it is approved, a later run that makes exactly this plan applies it."
    ),
    "collection-saved": Message(
        "Saved. Runs that begin from now on use this version as soon as Airflow has read it: see In Airflow."
    ),
    "collection-saved-no-preview": Message(
        "Saved. A preview could not be asked for now: ask for it with the button Preview, which says why."
    ),
    "collection-saved-not-on": Message(
        "Saved, but it could not be switched on: use the button Switch on, which says why.", "careful"
    ),
    "collection-draft-gone": Message("Your draft was discarded. The collection is as it was."),
    "draft-discarded": Message("The draft was discarded."),
    "collection-unchanged": Message("Nothing was saved: the newest version is the same already."),
    "collection-restored": Message("The earlier version was saved again, as the newest one."),
    "collection-deleted": Message(
        "The collection was deleted, and Airflow drops its DAG within some seconds. Its versions, runs and"
        " requests are kept."
    ),
    "collection-pinned": Message("The collection is pinned: it stands first on your dashboard."),
    "collection-unpinned": Message("The collection is no longer pinned to your dashboard."),
    "collection-renamed": Message(
        "The collection has its new name, and its past with it. Airflow makes a DAG of that name within some"
        " seconds: see In Airflow, and switch it on there."
    ),
    "collection-on": Message("The collection is switched on: it runs by its schedule."),
    "collection-off": Message(
        "The collection is switched off: it does not run until it is switched on again."
    ),
    "template-saved": Message("The template was saved. New collections can be made from it: see below."),
    "run-started": Message("A run was started. It shows under Recent Runs as soon as Airflow begins it."),
    "stopped": Message("The run is stopped: what is under way is finished, and nothing else of it begins."),
    "no-collections": Message("Nothing was selected. Tick the collections that you mean.", "careful"),
    "nothing-selected": Message("Nothing was selected. Tick the requests that you mean.", "careful"),
}
"""Code in the address → what is said.

The code is all that an address can bring in: never a text of someone's making.
"""


_ELSEWHERE = {
    "nothing-selected": "/requests",
    "no-collections": "/collections",
    "draft-discarded": "/collections",
    "waiver": "/embed/run",
    "stopped": "/embed/run",
}
"""Messages that do not belong to the page of one request, and the page that they do belong to."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a page.

    Attributes:
        root: path of the portal, without a slash at the end.
        airflow: path of Airflow itself, the same.
        address: of this page below `root`, with query.
        sign_in: path of Airflow's sign-in, to which the encoded way back is added.
        person: user name of who looks; `verified` says whether Airflow knows them.
        administrator: the list of all requests is offered.
        inbox: how many requests wait for them; None where that cannot be told.
        framed: a tab on a page of Airflow: without our own navigation.
        message: about what was just done.
        may_create: they may make collections.
        running: the runs that go on and that they may see; None where that cannot be told.
        help: where the docs say more about this page, below `root`.
    """

    root: str
    airflow: str
    address: str
    person: str
    verified: bool
    administrator: bool
    inbox: int | None
    sign_in: str
    framed: bool = False
    message: Message | None = None
    may_create: bool = False
    running: tuple[RunUnderWay, ...] | None = None
    help: str = ""

    @property
    def inbox_text(self) -> str:
        """The count as it stands in the badge."""
        if self.inbox is None:
            return ""
        return f"{SHOWN_COUNT}+" if self.inbox > SHOWN_COUNT else str(self.inbox)


def current_frame(request: Request, visitor: CurrentVisitor, store: CurrentStore) -> Frame:
    """Dependency: the frame of the page that is asked for."""
    return Frame(
        root=portal_path(""),
        airflow=airflow_login.base_path(),
        address=address_of(request),
        person=visitor.person.name,
        verified=visitor.person.verified,
        administrator=visitor.administrator,
        inbox=_count(visitor, store),
        sign_in=sign_in_path(""),
        framed=address_of(request).startswith("/embed/"),
        message=_message(request),
        may_create=_may_create(visitor),
        running=_running(visitor, store),
        help=help_link(address_of(request)),
    )


def _message(request: Request) -> Message | None:
    """What the address says was done, on the page where that can be so."""
    said = request.query_params.get("said", "")
    path = address_of(request).partition("?")[0]
    if said.startswith(("collection-", "run-")):
        fits = path.startswith("/collections/")
    elif said.startswith("template-"):
        fits = path.startswith("/templates/")
    else:
        fits = path == _ELSEWHERE[said] if said in _ELSEWHERE else path.startswith("/requests/")
    return MESSAGES.get(said) if fits else None


def bare_frame(request: Request) -> Frame:
    """The frame of a page that says that something went wrong: nothing about the visitor is known."""
    return Frame(
        root=portal_path(""),
        airflow=airflow_login.base_path(),
        address=address_of(request),
        person="",
        verified=False,
        administrator=False,
        inbox=None,
        sign_in=sign_in_path(""),
        framed=address_of(request).startswith("/embed/"),
    )


def address_of(request: Request) -> str:
    """The address of the page below the portal's root, with query."""
    # Not `request.url`, which begins with whatever the request calls the host.
    path = request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/"
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def is_part(request: Request) -> bool:
    """Whether only a part of a page is asked for, by htmx."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def _count(visitor: Visitor, store: CurrentStore) -> int | None:
    try:
        return reading.count_inbox(store, visitor)
    except DirectorySyncError:
        return None  # the page itself says what is wrong


def _may_create(visitor: Visitor) -> bool:
    try:
        return collections.may_create(visitor)
    except DirectorySyncError:
        return False  # the page that saves says what is wrong


def _running(visitor: Visitor, store: CurrentStore) -> tuple[RunUnderWay, ...] | None:
    try:
        return tuple(run for run in runs_under_way(store, visitor) if not run.waits)
    except DirectorySyncError:
        return None


RequestId = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]
CurrentFrame = Annotated[Frame, Depends(current_frame)]
