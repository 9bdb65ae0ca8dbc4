"""The step *Source and Destination* of a job: where records come from and where objects are written."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.definition import filters
from directory_sync.errors import LookError, NotAllowed, SettingsError, StoreError
from directory_sync.portal import looks
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.looks import Usable
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.draft_looks import (
    SECTIONS,
    job_data,
    whole_job,
    with_endpoints,
    with_job_data,
)
from directory_sync.portal.views.form_step import FormStep, form_step
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobNumber, Sent, SentStep, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place
from directory_sync.store.drafts import DraftKind
from directory_sync.store.store import Store

router = APIRouter()

OPERATORS = {
    "is": "is",
    "is_not": "is not",
    "starts": "starts with",
    "contains": "contains",
    "ends": "ends with",
    "present": "is present",
    "absent": "is not present",
    "ge": "is at least",
    "le": "is at most",
}
"""Of simple conditions, with what people call them."""


@dataclass(frozen=True, slots=True)
class EndpointsPage:
    """The step.

    Attributes:
        form: source and destination.
        connections: those that the person may use.
        no_connection: why there is none; empty if there are some.
        look: address that looks are sent to.
    """

    form: FormStep
    connections: tuple[Usable, ...]
    no_connection: str
    look: str

    @property
    def wizard(self) -> Wizard:
        """What is around the step."""
        return self.form.wizard

    @property
    def operators(self) -> dict[str, str]:
        """Of simple conditions."""
        return OPERATORS

    def for_side(self, side: str) -> list[Usable]:
        """The connections that may be used there."""
        return [each for each in self.connections if side in each.sides]


@router.get("/drafts/{draft_id}/jobs/{number}/endpoints")
def show_endpoints(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The forms of both sides."""
    wizard = open_step(store, visitor, draft_id, Place("endpoints", number - 1), request)
    return _page(request, frame, store, visitor, wizard, 200)


@router.post("/drafts/{draft_id}/jobs/{number}/endpoints")
def take_endpoints(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep what was typed; *Add Condition* puts a condition into a filter."""
    wizard = open_step(store, visitor, draft_id, Place("endpoints", number - 1))

    def edit(text: str) -> str:
        return _with_condition(visitor, with_endpoints(visitor, text, number - 1, sent), number - 1, sent)

    return take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(request, frame, store, visitor, wizard, status),
        again=lambda text: with_endpoints(visitor, text, number - 1, sent),
    )


def _with_condition(visitor: Visitor, text: str, job: int, sent: SentStep) -> str:
    """The text with one more condition in a filter, a template's included: all of them have to be met.

    Raises LookError for one that is not complete, or a filter that cannot be read.
    """
    verb, _, side = sent.do.partition(":")
    if verb != "condition" or side not in ("source", "destination"):
        return text
    values = sent.values
    attribute = values.get(f"{side}-attribute", "").strip()
    operator, value = values.get(f"{side}-operator", ""), values.get(f"{side}-value", "").strip()
    if not value and operator not in ("present", "absent"):
        raise LookError("Write a value into the condition, or choose is present.")
    own = job_data(text, job)
    place = {} if own.get(side) is None else own[side]
    if not isinstance(place, dict):
        raise LookError(f"The {side} is written in a way that this form cannot show. Show YAML leads to it.")
    counts = whole_job(visitor, text, job).get(side)
    given = counts if isinstance(counts, dict) else {}
    before = given.get("filter")
    if not isinstance(before, str | None):
        raise LookError(f"The filter of the {side} is no text. Correct it first.")
    try:
        known = filters.parse(before, columns="file" in given) if before and before.strip() else None
    except filters.FilterError as error:
        raise LookError(f"The filter of the {side} cannot be read: {error}. Correct it first.") from None
    added = _condition(attribute, operator, value.encode())
    if not _is_name(attribute, added, columns="file" in given):
        raise LookError(f"Write the name of an attribute into the condition: {attribute[:100]!r} is none.")
    match known:
        case None | filters.Present("objectClass"):
            whole = added
        case filters.And(inner):
            whole = filters.And((*inner, added))
        case _:
            whole = filters.And((known, added))
    return with_job_data(text, job, {**own, side: {**place, "filter": filters.to_text(whole)}})


def _is_name(attribute: str, condition: filters.Filter, *, columns: bool) -> bool:
    """Whether a condition is about what it names, and not more: of a column, as a filter reads it."""
    if not columns:
        return filters.is_attribute(attribute)
    try:
        return filters.parse(filters.to_text(condition), columns=True) == condition
    except filters.FilterError:
        return False


def _condition(attribute: str, operator: str, value: bytes) -> filters.Filter:
    match operator:
        case "is_not":
            return filters.Not(filters.Equality(attribute, value))
        case "starts":
            return filters.Substrings(attribute, value, (), None)
        case "contains":
            return filters.Substrings(attribute, None, (value,), None)
        case "ends":
            return filters.Substrings(attribute, None, (), value)
        case "present":
            return filters.Present(attribute)
        case "absent":
            return filters.Not(filters.Present(attribute))
        case "ge":
            return filters.GreaterOrEqual(attribute, value)
        case "le":
            return filters.LessOrEqual(attribute, value)
        case _:
            return filters.Equality(attribute, value)


def _page(
    request: HttpRequest, frame: Frame, store: Store, visitor: Visitor, wizard: Wizard, status: int
) -> Response:
    form = form_step(wizard, SECTIONS, saving_rules(visitor, only_looks=True).templates)
    connections, why = _connections(store, visitor, wizard)
    look = f"{frame.root}{wizard.draft_address}/jobs/{(wizard.place.job or 0) + 1}/look"
    page = EndpointsPage(form, connections, why, look)
    return render(request, "draft_endpoints.html", frame, page, status=status)


def _connections(store: Store, visitor: Visitor, wizard: Wizard) -> tuple[tuple[Usable, ...], str]:
    draft = wizard.view.draft
    of = draft.collection if draft.kind is DraftKind.EDIT else None
    try:
        found = looks.usable_connections(store, visitor, collection=of)
    except (NotAllowed, SettingsError, StoreError) as error:
        return (), str(error)
    if found:
        return found, ""
    return (), (
        "There is no connection that you may use. Ask an administrator to add one of the type ldap under"
        " Admin → Connections, and to name one of your roles for it where there are rules of connections."
    )
