"""The trigger of a gate: fires when the request is decided, and withdraws it when someone ends the gate
by hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from directory_sync.airflow.gate_poller import decision
from directory_sync.errors import DirectorySyncError

_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States of a task that waits no more; a cleared one has none of them."""

log = logging.getLogger(__name__)


class GateTrigger(BaseTrigger):
    """Waits for the decision on a request, with all other gates of the same process.

    Args:
        request: its number in the store.
        dag_id, run_id, task_id: the gate.
    """

    def __init__(self, request: int, dag_id: str, run_id: str, task_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.request = request
        self.dag_id = dag_id
        self.run_id = run_id
        # Airflow sets this one too, to the same.
        self.task_id: str = task_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores: who waits for what, neither the store's address nor a secret."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "request": self.request,
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "task_id": self.task_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait and fire."""
        state = await decision(self.request)
        yield TriggerEvent({"request": self.request, "state": state})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Withdraw the request if the gate, or its run, was ended by hand.

        Airflow calls this also when the gate was cleared, or when another triggerer has taken it over: then
        it waits on.
        """
        await asyncio.to_thread(self._withdraw_if_over)

    def _withdraw_if_over(self) -> None:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        try:
            found = RuntimeTaskInstance.get_task_states(
                dag_id=self.dag_id, task_ids=[self.task_id], run_ids=[self.run_id]
            )
        except Exception as error:  # noqa: BLE001 an API server that does not answer raises anything
            log.warning(
                "Airflow does not say how the task ended, so request %d stays as it is. If its run is over,"
                " the DAG directory_sync.upkeep withdraws it. %s",
                self.request,
                error,
            )
            return
        state = found.get(self.run_id, {}).get(self.task_id)
        state = str(getattr(state, "value", state))
        if state not in _OVER:
            log.info("The task waits on, so request %d stays pending. state=%s", self.request, state)
            return
        from directory_sync.airflow.collection_task import open_store
        from directory_sync.airflow.withdrawal import withdraw

        try:
            with open_store() as store:
                if withdraw(
                    store, self.request, f"The task that waited for it was marked {state} in Airflow."
                ):
                    log.info("Request %d was withdrawn: the task was marked %s.", self.request, state)
        except DirectorySyncError as error:
            log.warning(
                "Request %d could not be withdrawn now; the DAG directory_sync.upkeep does it. %s",
                self.request,
                error,
            )
