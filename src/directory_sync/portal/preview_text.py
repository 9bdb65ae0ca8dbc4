"""How a preview stands, and what to do about it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.plan.planning import Stage
from directory_sync.portal.codes import PreviewStanding
from directory_sync.store.preview_model import LOST, Progress, Side

_LOOK = (
    f"Look at the DAG {PREVIEWS_DAG_ID} in Airflow, and at whether a scheduler and a worker run;"
    " directory-sync doctor tells what is missing."
)
_AGAIN = "Ask for the preview again."

_TEXTS: Mapping[PreviewStanding, tuple[str, str]] = {
    PreviewStanding.WAITING: ("It waits for a worker.", ""),
    PreviewStanding.NO_WORKER: ("No worker of Airflow has taken it for a minute.", _LOOK),
    PreviewStanding.PAUSED: (
        f"It waits, because the DAG {PREVIEWS_DAG_ID} is switched off in Airflow.",
        "Ask a person who may to switch it on.",
    ),
    PreviewStanding.NOT_STARTED: (
        "Airflow has ended its run before a worker could take it.",
        f"The log of its run of {PREVIEWS_DAG_ID} in Airflow says why. {_AGAIN}",
    ),
    PreviewStanding.RUNNING: ("It is being made. Nothing is written.", ""),
    PreviewStanding.LOST: (LOST, ""),
    PreviewStanding.DONE: ("It is complete. Nothing was written.", ""),
    PreviewStanding.FAILED: ("It could not be made. Nothing was written.", ""),
    PreviewStanding.CANCELLED: ("It was cancelled. Nothing was written.", ""),
    PreviewStanding.EXPIRED: (
        "No worker took it within ten minutes, so it is not made any more.",
        f"{_LOOK} Then ask for the preview again.",
    ),
}

_STAGES: Mapping[str, str] = {
    Stage.READ_SOURCE.value: "reading the source",
    Stage.READ_DESTINATION.value: "reading the destination",
    Stage.COMPARE.value: "comparing",
    Stage.LOOK_UP.value: "looking up members and references",
}


def standing_text(standing: PreviewStanding) -> tuple[str, str]:
    """How it stands, and what to do about it; the latter is empty if there is nothing to do."""
    return _TEXTS[standing]


def progress_text(progress: Progress | None) -> str:
    """How far it is."""
    if progress is None:
        return ""
    whose = " by the saved version" if progress.side == Side.SAVED.value else ""
    done = f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"
    stage = _STAGES.get(progress.stage, progress.stage)
    return f"Plan {progress.number} of {progress.jobs}: job {progress.job}{whose}, {stage}, {done}."
