"""The task that lets people hear of a run whose jobs are done, but for what waits for approval.

Such a run stays open until the requests are decided; its end is told by the task that closes it.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from directory_sync.airflow.collection_task import CollectionOperator, fail, joined_run, open_store
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class ReportOperator(CollectionOperator):
    """Queues the mail about what is done and what waits, and sends it. Does nothing where nothing waits."""

    ui_color = "#e5e7eb"

    def execute(self, context: Context) -> bool:
        """Returns whether people are to hear of it."""
        from directory_sync.airflow.mail import deliver_mail

        try:
            with open_store() as store:
                snapshot = joined_run(store, context)
                told = snapshot is not None and store.run_ends.tell_waiting(snapshot.id)
                if told:
                    log.info(
                        "Something waits for approval: those named in notifications hear of the rest now."
                    )
                    deliver_mail(store)
                return told
        except DirectorySyncError as error:
            fail(error, str(error))
