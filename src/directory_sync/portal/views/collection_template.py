"""*Save as Template*: the form, the template as a file, and saving it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.definition.template_making import LONGEST_TITLE
from directory_sync.definition.templates import is_template_name
from directory_sync.errors import DirectorySyncError, QueryError
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.template_saving import TemplateDraft, draft_template, save_template
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """The form; `problem` is why the template was not saved."""

    draft: TemplateDraft
    problem: str = ""
    longest_title: int = LONGEST_TITLE


@router.get("/template")
def ask(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The form. Raises EditRefused if the visitor may not create collections."""
    page = TemplatePage(draft_template(store, visitor, name, "", ""))
    return render(request, "collection_template.html", frame, page)


@router.get("/template.yaml")
def download(
    name: str, visitor: CurrentVisitor, store: CurrentStore, template: str = "", title: str = ""
) -> Response:
    """The template as a file."""
    draft = draft_template(store, visitor, name, template, title)
    file = draft.name if is_template_name(draft.name) else "template"
    return Response(
        draft.text.encode(),
        media_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}.yaml"'},
    )


@router.post("/template")
def save(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    template: Text = "",
    title: Text = "",
) -> Response:
    """Save it in the folder of templates."""
    draft = draft_template(store, visitor, name, template, title)
    try:
        save_template(store, visitor, draft)
    except DirectorySyncError as error:
        problem = " ".join(error.problems.values()) if isinstance(error, QueryError) else str(error)
        page = TemplatePage(draft, problem)
        return render(request, "collection_template.html", frame, page, status=status_of(error))
    return RedirectResponse(f"{frame.root}/templates/collections/{draft.name}?said=template-saved", 303)
