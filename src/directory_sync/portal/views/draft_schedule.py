"""The step *Schedule and Notifications* of a collection: when it runs by itself, in words and with its next
firings, and who gets mail about its runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync import settings
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded, judge
from directory_sync.errors import DefinitionError, SettingsError
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.sections import NOTIFICATIONS, SCHEDULE
from directory_sync.portal import drafts
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.airflow_firings import next_firings
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.schedule_text import schedule_text
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.form_step import FormStep, form_step, known_names, same_step, typed_into
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place

router = APIRouter()

PLACE = Place("schedule")
SECTIONS = (SCHEDULE, NOTIFICATIONS)
_FIRINGS = 5
_KEYS = ("schedule", "timezone", "start", "end")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a schedule means.

    Attributes:
        words: empty while it is wrong.
        zone: its time zone.
        firings: the next ones, in that zone.
        timed: there is a schedule at all.
    """

    words: str = ""
    zone: str = ""
    firings: tuple[datetime, ...] = ()
    timed: bool = False


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """The step.

    Attributes:
        form: its sections.
        meaning: of the schedule.
        suggest: names that fields offer.
        sends: mail is sent in this deployment.
    """

    form: FormStep
    meaning: Meaning
    suggest: dict[str, tuple[str, ...]]
    sends: bool

    @property
    def wizard(self) -> Wizard:
        """What is around the step."""
        return self.form.wizard


@router.get("/drafts/{draft_id}/schedule")
def show_schedule(
    request: HttpRequest, draft_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The step."""
    return _page(request, frame, visitor, open_step(store, visitor, draft_id, PLACE, request), 200)


@router.post("/drafts/{draft_id}/schedule")
def take_schedule(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep what was typed."""
    wizard = open_step(store, visitor, draft_id, PLACE)
    templates = saving_rules(visitor, only_looks=True).templates
    answer = take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=lambda text: typed_into(text, sent, SECTIONS, templates, PLACE),
        show=lambda wizard, status: _page(request, frame, visitor, wizard, status),
    )
    return (same_step(wizard, frame.root, sent.do) if answer.status_code == 303 else None) or answer


@router.post("/drafts/{draft_id}/schedule/meaning")
def tell_meaning(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """What is typed now means, as a part of the page; nothing is kept."""
    wizard = open_step(store, visitor, draft_id, PLACE)
    templates = saving_rules(visitor, only_looks=True).templates
    try:
        text = typed_into(wizard.view.draft.text, sent, (SCHEDULE,), templates, PLACE)
    except DefinitionError:
        text = wizard.view.draft.text
    return render(request, "_schedule_meaning.html", frame, meaning_of(text))


def meaning_of(text: str) -> Meaning:
    """What the schedule of a text means, whatever else is in it."""
    try:
        data = data_of(text)
        part = {key: data[key] for key in _KEYS if data.get(key) is not None}
        found = judge(Document("", drafts.with_any_job(rewrite("", part)), "definition"))
    except DefinitionError:
        return Meaning()
    if not isinstance(found, Loaded):
        return Meaning(timed="schedule" in part)
    collection = found.collection
    return Meaning(
        schedule_text(collection),
        collection.timezone,
        next_firings(collection, datetime.now(UTC), _FIRINGS),
        collection.schedule is not None,
    )


def _page(request: HttpRequest, frame: Frame, visitor: Visitor, wizard: Wizard, status: int) -> Response:
    templates = saving_rules(visitor, only_looks=True).templates
    more = request.query_params.get("more", "")[:200]
    page = SchedulePage(
        form=form_step(wizard, SECTIONS, templates, more=more),
        meaning=meaning_of(wizard.view.draft.text),
        suggest={"users": known_names(visitor, wizard)[0]},
        sends=_sends(),
    )
    return render(request, "draft_schedule.html", frame, page, status=status)


def _sends() -> bool:
    try:
        return settings.mail_reach().sends
    except SettingsError:
        return False
