"""REST: previews of collections as they are saved, of edits, and of what is not saved."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from directory_sync.errors import QueryError
from directory_sync.portal import previews
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api import preview_answers as answers
from directory_sync.portal.api.describing import errors
from directory_sync.portal.queries import EffectQuery
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.previews import EffectsAnswer, PreviewAnswer, PreviewBody

router = APIRouter(tags=["previews"])

PreviewId = Annotated[str, Path(description="Of the preview, as asking for it answers.")]
JobName = Annotated[str, Path(description="Name of the job.")]


@router.post("/previews", responses=errors(404, 409, 422))
def ask(body: PreviewBody, store: CurrentStore, visitor: CurrentVisitor) -> PreviewAnswer:
    """Ask what a collection, an edit or a new definition would do. A worker answers; nothing is written.

    It needs the rights of running, and with a text those of saving it too.
    """
    if body.text is not None:
        asked = previews.ask_text(store, visitor, body.text, name=body.collection, jobs=body.jobs)
    elif body.collection:
        asked = previews.ask_kept(store, visitor, body.collection, jobs=body.jobs)
    else:
        raise QueryError({"collection": "Name a collection, or give a definition as text."})
    return answers.preview_answer(previews.read_preview(store, visitor, asked.id))


@router.get("/previews/{preview_id}", responses=errors(404))
def read_preview(preview_id: PreviewId, store: CurrentStore, visitor: CurrentVisitor) -> PreviewAnswer:
    """A preview that you have asked for: how far it is, and what each job would do. The changes of a plan are
    at `/plans/{plan_id}/changes`.
    """
    return answers.preview_answer(previews.read_preview(store, visitor, preview_id))


@router.get(
    "/previews/{preview_id}/jobs/{job}/effects",
    responses=errors(404, 422),
    openapi_extra=EffectQuery.openapi(),
)
def read_effects(
    preview_id: PreviewId,
    job: JobName,
    store: CurrentStore,
    visitor: CurrentVisitor,
    query: Annotated[EffectQuery, Depends(EffectQuery.of_call)],
) -> EffectsAnswer:
    """What an edit causes at one job, object by object, worst first."""
    return answers.effects_answer(previews.read_effects(store, visitor, preview_id, job, query))


@router.post("/previews/{preview_id}/cancel", responses=errors(404))
def cancel(preview_id: PreviewId, store: CurrentStore, visitor: CurrentVisitor) -> PreviewAnswer:
    """End a preview that you no longer need. One that has ended stays as it is."""
    previews.cancel(store, visitor, preview_id)
    return answers.preview_answer(previews.read_preview(store, visitor, preview_id))
