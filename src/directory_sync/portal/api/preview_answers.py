"""Previews as the models that the REST API answers with."""

from __future__ import annotations

from directory_sync.portal import links
from directory_sync.portal.api.answering import difference_answer, run_job_answer
from directory_sync.portal.preview_text import standing_text
from directory_sync.portal.previews import PreviewJob, PreviewView, ShownEffects
from directory_sync.portal.wire import previews as wire
from directory_sync.present.effects import group_text
from directory_sync.store.preview_model import StoredEffects


def preview_answer(view: PreviewView) -> wire.PreviewAnswer:
    """One preview."""
    question = view.question
    text, remedy = standing_text(view.standing)
    return wire.PreviewAnswer(
        id=question.id,
        collection=question.collection,
        kind=question.kind,
        version=question.version,
        jobs_asked=list(question.jobs),
        state=view.standing,
        state_text=text,
        remedy=remedy,
        message=question.message,
        asked=question.asked,
        finished=question.finished,
        progress=None
        if question.progress is None
        else wire.PreviewProgressAnswer.model_validate(question.progress),
        jobs=list(map(_job, view.jobs)),
        newer=view.newer,
        url=links.preview_url(question.id),
    )


def effects_answer(found: ShownEffects) -> wire.EffectsAnswer:
    """A page of what an edit causes."""
    return wire.EffectsAnswer(
        groups=_groups(found.effects),
        differences=list(map(difference_answer, found.differences)),
        next=found.next,
        integrity=found.integrity.state,
        integrity_message=found.integrity.message,
    )


def _job(job: PreviewJob) -> wire.PreviewJobAnswer:
    return wire.PreviewJobAnswer(
        job=job.name,
        asked=None if job.asked is None else run_job_answer(job.asked),
        saved=None if job.saved is None else run_job_answer(job.saved),
        effects=None if job.effects is None else _groups(job.effects),
        same_listing=job.effects is not None and job.effects.same_listing,
    )


def _groups(stored: StoredEffects) -> list[wire.EffectGroupAnswer]:
    return [
        wire.EffectGroupAnswer(
            number=number,
            presence=group.presence,
            old=group.old,
            new=group.new,
            objects=group.number,
            text=group_text(group),
        )
        for number, group in enumerate(stored.effects.groups, 1)
    ]
