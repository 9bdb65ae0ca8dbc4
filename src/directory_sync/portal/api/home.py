"""REST: what the card on Airflow's Home shows."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal import home, links
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api.describing import errors
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.home import HomeAnswer, HomeRequestAnswer, HomeRunAnswer
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.words import count_kinds, kinds_text
from directory_sync.store.run_highlights import NotedRun
from directory_sync.store.runs import RUNNING, TERMINAL

router = APIRouter(tags=["home"])


@router.get("/home", responses=errors())
def read_home(store: CurrentStore, visitor: CurrentVisitor) -> HomeAnswer:
    """What waits for you, which runs of the last day failed, and what runs now: as Airflow's Home shows it.

    Where you may see no collection, all of it is empty.
    """
    found = home.read_home(store, visitor)
    return HomeAnswer(
        waiting=found.waiting,
        requests=[
            HomeRequestAnswer(
                id=request.id,
                collection=request.collection,
                job=request.job,
                text=kinds_text(count_kinds(request.statistics)),
                expires=request.expires,
                path=links.outer_path(f"/requests/{request.id}"),
            )
            for request in found.requests
        ],
        inbox_path=links.outer_path("/requests?list=inbox"),
        failed=found.failed.total,
        failed_runs=[_run(run, run.state) for run in found.failed.named],
        running=found.running.total,
        running_runs=[_run(run, RUNNING) for run in found.running.named],
    )


def _run(run: NotedRun, state: str) -> HomeRunAnswer:
    in_terminal = run.trigger == TERMINAL
    path = links.collection_path(run.collection) if in_terminal else links.run_path(run.dag_id, run.run_id)
    return HomeRunAnswer(
        collection=run.collection,
        run_id=run.run_id,
        state=state,
        text=outcome_text(state, wrote=False),
        preview_only=run.preview_only,
        at=run.at,
        path=path,
    )
