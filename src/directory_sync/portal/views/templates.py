"""The list of templates, and the page of one."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.errors import RequestNotFound
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.template_list import ListedTemplate, find_template, list_templates
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render

router = APIRouter()


@dataclass(frozen=True, slots=True)
class TemplatesPage:
    """The list, those of collections first."""

    templates: tuple[ListedTemplate, ...]


@router.get("/templates")
def templates(request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor) -> Response:
    """All templates that definitions can use."""
    found = list_templates(saving_rules(visitor, only_looks=True).templates)
    return render(request, "templates.html", frame, TemplatesPage(tuple(found)))


@router.get("/templates/{kind}/{name}")
def template(
    request: HttpRequest, kind: str, name: str, frame: CurrentFrame, visitor: CurrentVisitor
) -> Response:
    """One template. Raises RequestNotFound if there is none of this kind and name."""
    found = find_template(saving_rules(visitor, only_looks=True).templates, kind, name)
    if found is None:
        raise RequestNotFound("There is no such template. It may have been deleted: see Templates.")
    return render(request, "template.html", frame, found)
