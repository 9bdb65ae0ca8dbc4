"""The trigger that wakes a waiting task up; nothing else waits in Airflow's triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class PauseTrigger(BaseTrigger):
    """Fires at a moment, once. Says nothing meanwhile: Airflow's own writes a line a second into the task's
    log.

    Args:
        until: seconds since the epoch, so that a restarted triggerer waits for the rest only.
        memory: what the task wants to know when it goes on; the event's payload.
    """

    def __init__(self, until: float, memory: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.memory = memory

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "until": self.until,
            "memory": self.memory,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait and fire."""
        await asyncio.sleep(max(0.0, self.until - time.time()))
        yield TriggerEvent(self.memory)  # type: ignore[no-untyped-call]
