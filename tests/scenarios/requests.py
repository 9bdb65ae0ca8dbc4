"""Requests as tests need them, and processes that act on them at the same moment.

Run as a program it is one such process: it reads commands as JSON lines and answers each with one.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Self

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Decision, RequestView
from directory_sync.approval.states import RequestState
from directory_sync.endpoints.change import Change
from directory_sync.errors import AlreadyDecided, DirectorySyncError
from directory_sync.store.request_model import Filed
from directory_sync.store.store import Store
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.ready_python import ReadyPython

BEA = Approver("user", "bea")
ADMINS = Approver("role", "admins")
POLICY = {"require": "any", "approvers": {"users": ["bea"]}}


def stored_plan(
    store: Store,
    changes: Sequence[Change] | None = None,
    *,
    run_id: str = "run 1",
    name: str = "crew",
    requester: str = "ida",
    reason: str = "because",
    secret: Sequence[str] = (),
) -> int:
    """A plan in the store, made by a new attempt at the job `people`, of which some fields are secret."""
    definition = collection(name, secret=secret)
    run = store.runs.start(
        definition, run_id, trigger="manual", requester=requester, verified=True, reason=reason
    )
    return store.plans.save(
        store.runs.start_job(run.id, "people").id, plan(creations(2) if changes is None else changes)
    )


def file(
    store: Store,
    count: int = 2,
    *,
    run_id: str = "run 1",
    approvers: Iterable[Approver] = (BEA,),
    **given: Any,
) -> Filed:
    """File a request for so many creations."""
    made = {key: given.pop(key) for key in ("name", "requester", "reason") if key in given}
    return store.filing.file(
        stored_plan(store, creations(count), run_id=run_id, **made),
        policy=POLICY,
        approvers=approvers,
        **given,
    )


def quorum(needed: int, view: RequestView, decisions: tuple[Decision, ...]) -> RequestState | None:
    """One denial denies; so many people approve."""
    del view
    if not all(decision.agreed for decision in decisions):
        return RequestState.DENIED
    return RequestState.APPROVED if len(decisions) >= needed else None


def decide(
    store: Store,
    request_id: int,
    person: str = "bea",
    *,
    approve: bool = True,
    needed: int = 1,
    reason: str = "",
) -> RequestView:
    """Decide as somebody who has seen the request."""
    return store.decisions.decide(
        request_id,
        person,
        roles=["pilots", "crew"],
        verified=True,
        approve=approve,
        reason=reason or ("" if approve else "no"),
        expected_digest=store.requests.get(request_id).request.digest,
        evaluate=functools.partial(quorum, needed),
    )


class Workers:
    """Processes that are ready to act at the same moment, on any store."""

    def __init__(self, count: int) -> None:
        self._processes = [
            ReadyPython(["-m", "tests.scenarios.requests"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(count)
        ]

    def __len__(self) -> int:
        return len(self._processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def at_once(self, url: str, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """Have each command carried out by a process of its own, all at once; their answers, in order."""
        assert len(commands) <= len(self._processes)
        self._ask(commands, url=url, do="open")
        return self._ask(commands, url=url, start=time.time() + 0.1)

    def _ask(self, commands: Sequence[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
        running = self._processes[: len(commands)]
        for process, command in zip(running, commands, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(command | more) + "\n")
            process.stdin.flush()
        answers = []
        for process in running:
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
        return answers


@functools.cache
def _store(url: str) -> Store:
    return Store.open(url)


def _obey(command: dict[str, Any]) -> dict[str, Any]:
    store = _store(command["url"])
    match command["do"]:
        case "open":
            store.runs.recent(limit=1)
            return {}
        case "decide":
            view = store.decisions.decide(
                command["id"],
                command["person"],
                roles=["crew"],
                verified=True,
                approve=command["approve"],
                reason="no" if not command["approve"] else "",
                expected_digest=command["digest"],
                evaluate=functools.partial(quorum, command.get("needed", 1)),
            )
            return {"state": view.request.state}
        case "cancel":
            view = store.decisions.cancel(
                command["id"], command["person"], even_approved=command.get("even_approved", False)
            )
            return {"state": view.request.state}
        case "claim":
            return {"state": store.approvals.claim(command["id"], expected_digest=command["digest"]).state}
        case "file":
            filed = store.filing.file(command["plan"], policy=POLICY, approvers=[BEA])
            return {"filing": filed.filing.value, "id": filed.id, "replaced": filed.replaced}
        case "escalate":
            return {
                "done": store.request_upkeep.escalate(
                    command["id"], [ADMINS], level=1, escalate_after=timedelta(hours=1)
                )
            }
        case "expire":
            return {"expired": list(store.request_upkeep.expire())}
        case other:
            raise ValueError(other)


def _main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        time.sleep(max(0.0, command.get("start", 0.0) - time.time()))
        try:
            answer = _obey(command)
        except AlreadyDecided as error:
            answer = {
                "error": "AlreadyDecided",
                "by": error.by,
                "state": error.state,
                "at": error.at and error.at.isoformat(),
            }
        except DirectorySyncError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _main()
