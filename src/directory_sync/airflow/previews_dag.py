"""The DAG that answers what people ask on pages: what a definition would do, before it is saved or run.

A run of it takes nothing but the id of a stored question, and only the question that it was started for. What
people type into Airflow's own form gives nothing.

Everything heavy is imported when its task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, Param
from airflow.sdk.exceptions import AirflowFailException

from directory_sync import settings
from directory_sync.airflow.collection_task import fail, open_store
from directory_sync.airflow.run_parameters import refuse_unknown_keys
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.store.preview_model import Question
    from directory_sync.store.store import Store

PREVIEWS_DAG_ID = settings.PREVIEWS_DAG_ID
TASK_ID = "answer"
QUESTION = "question"
"""The only parameter."""

_LONGEST = timedelta(hours=2)
_AT_ONCE = 16
"""Previews that are made at the same time."""

log = logging.getLogger(__name__)


class AnswerOperator(BaseOperator):
    """Answers the question that its run was started for; whatever happens to it, no run answers it again."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the state of the question, and nothing of what was found: that is for one person."""
        from directory_sync.airflow.collection_task import run_identity

        given = context["dag_run"].conf or {}
        refuse_unknown_keys(given, {QUESTION: None})
        identity = run_identity(context)
        try:
            with open_store() as store:
                question = store.previews.claim(
                    str(given.get(QUESTION) or ""), run_id=identity.run_id, by=identity.triggering_user
                )
                log.info("Preview of collection %s, asked for by %s.", question.collection, question.asked_by)
                return {"state": self._answer(store, question)}
        except DirectorySyncError as error:
            fail(error, str(error))

    def on_kill(self) -> None:
        """Leave the plan: what keeps it from ending is noted on the way out."""
        raise SystemExit("The task was stopped. Nothing was written.")

    def _answer(self, store: Store, question: Question) -> str:
        from directory_sync.airflow.deployment import deployment
        from directory_sync.airflow.task_log import ProgressLog
        from directory_sync.printable import printable_lines
        from directory_sync.run.preview_answer import NoLongerAsked, answer
        from directory_sync.store.preview_model import LOST, PreviewState

        try:
            state = answer(store, question, deployment(), progress=ProgressLog())
            store.previews.finish(question.id, state)
        except NoLongerAsked as error:
            log.info("%s", error)
            return PreviewState.CANCELLED.value
        except DirectorySyncError as error:
            text = printable_lines(str(error))
            store.previews.finish(question.id, PreviewState.FAILED, text)
            raise AirflowFailException(text) from None
        except BaseException:
            store.previews.finish(question.id, PreviewState.FAILED, LOST)
            raise
        return state.value


def build() -> DAG:
    """The DAG."""
    with DAG(
        dag_id=PREVIEWS_DAG_ID,
        dag_display_name="Directory Sync: previews",
        description="Answers previews that people ask for on the pages of Directory Sync.",
        doc_md=(
            "Its runs are started by the pages of Directory Sync; leave it switched on. A run started here"
            " does nothing: each question is answered once, by the run that was started for it. The"
            " answer is shown to the person who has asked, and to no one else. Nothing is ever written to a"
            " destination.\n"
        ),
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=_AT_ONCE,
        dagrun_timeout=_LONGEST + timedelta(minutes=30),
        is_paused_upon_creation=False,
        params={
            QUESTION: Param(
                None,
                type=["null", "string"],
                maxLength=32,
                title="Question",
                description="Filled in by the pages of Directory Sync.",
            )
        },
    ) as dag:
        # For a worker that did not get as far as to take the question: one that was taken is used.
        AnswerOperator(
            task_id=TASK_ID, retries=2, retry_delay=timedelta(seconds=5), execution_timeout=_LONGEST
        )
    return dag
