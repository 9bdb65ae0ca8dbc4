"""What the REST API answers of previews, and takes to ask for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from directory_sync.definition.documents import MAX_BYTES
from directory_sync.endpoints.change import Action
from directory_sync.plan.comparison import Presence
from directory_sync.portal.codes import Integrity, PreviewStanding
from directory_sync.portal.wire.answer import Answer, Body, Newer, Time
from directory_sync.portal.wire.plans import INTEGRITY_MEANS, DifferenceAnswer
from directory_sync.portal.wire.runs import RunJobAnswer
from directory_sync.store.preview_model import QuestionKind

_LONGEST_NAME = 250


class PreviewProgressAnswer(Answer):
    """How far a preview is."""

    side: str = Field(description="`asked`: the definition that you asked about; `saved`: the saved version.")
    job: str
    number: int = Field(description="The plan that is being made, from 1; `jobs` is how many there are.")
    jobs: int
    stage: str
    done: int
    total: int | None


class EffectGroupAnswer(Answer):
    """Objects at which an edit makes the same difference."""

    number: int = Field(description="From 1; give it as `group`.")
    presence: Annotated[Presence, Newer]
    old: Annotated[Action, Newer] | None = Field(description="What the saved version would do.")
    new: Annotated[Action, Newer] | None = Field(description="What the edited definition would do.")
    objects: int
    text: str = Field(description="In words.")


class PreviewJobAnswer(Answer):
    """One job of a preview."""

    job: str
    asked: RunJobAnswer | None = Field(
        description="By the definition that you asked about; null if that does not have it, or not yet."
    )
    saved: RunJobAnswer | None = Field(
        description="By the saved version that an edit is compared with; null likewise."
    )
    effects: list[EffectGroupAnswer] | None = Field(
        description="What the edit itself causes, worst first; null where nothing was compared."
    )
    same_listing: bool = Field(
        description="Both plans were made of the same listings of source and destination."
    )


class PreviewAnswer(Answer):
    """A preview that you have asked for. No one else sees it; it is deleted after a day."""

    id: str
    collection: str
    kind: Annotated[QuestionKind, Newer]
    version: int | None = Field(
        description="Of `saved`, the version; of `text`, the one that the edit is compared with."
    )
    jobs_asked: list[str] = Field(description="Only these; empty for all.")
    state: Annotated[PreviewStanding, Newer] = Field(
        description="`done`: the answer is complete. `waiting`, `no_worker`, `paused`, `running`: ask again."
    )
    state_text: str
    remedy: str = Field(description="What to do about it; empty if there is nothing to do.")
    message: str = Field(description="Why it has failed; empty otherwise.")
    asked: Time
    finished: Time | None
    progress: PreviewProgressAnswer | None
    jobs: list[PreviewJobAnswer]
    newer: int | None = Field(description="The newest saved version now, if another was saved since.")
    url: str = Field(description="Of its page.")


class EffectsAnswer(Answer):
    """A page of what an edit causes at one job, object by object, worst first."""

    groups: list[EffectGroupAnswer]
    differences: list[DifferenceAnswer]
    next: int | None = Field(description="Give it as `after` to see what follows; null at the end.")
    integrity: Annotated[Integrity, Newer] = Field(description=INTEGRITY_MEANS)
    integrity_message: str


class PreviewBody(Body):
    """What is to be previewed: a collection as it is saved, or a definition."""

    collection: str | None = Field(
        None,
        max_length=_LONGEST_NAME,
        description="Name of the collection. With `text`, the one that it is to be a version of.",
    )
    text: str | None = Field(
        None,
        max_length=2 * MAX_BYTES,
        description="An edited or new definition as YAML; null for the collection as it is saved.",
    )
    jobs: list[str] = Field([], max_length=1_000, description="Only these; empty for all that runs have.")
