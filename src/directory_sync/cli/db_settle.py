"""`directory-sync db settle`: closes what processes left open that are gone, and tells what they had
written.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from directory_sync import settings
from directory_sync.cli.deployment import holder, terminal_deployment
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.terminal import message
from directory_sync.endpoints.change import Result
from directory_sync.printable import printable, printable_lines
from directory_sync.run.settling import Settlement, Why, settle_all
from directory_sync.store.settling import Closed, OpenPlan
from directory_sync.store.store import Store


def settle(arguments: Namespace) -> ExitStatus:
    """Settle everything that was left open. Raises StoreError, SettingsError, UsageError.

    Returns `FAILED` if the objects of a plan cannot be looked at now, else `RECORD_ERRORS` if of some changes
    no one can tell whether they were written.
    """
    deployment = terminal_deployment(arguments)
    with Store.open(settings.database_url()) as store:
        settlement = settle_all(store, deployment, holder=holder())
    sys.stdout.writelines(f"{line}\n" for line in _lines(settlement))
    for left in settlement.left:
        message(f"{_named(left.plan)} stays open. {printable_lines(left.message)}")
    if any(left.why is Why.NOT_SEEN for left in settlement.left):
        return ExitStatus.FAILED
    if any(settled.found[Result.UNCERTAIN] for settled in settlement.settled):
        return ExitStatus.RECORD_ERRORS
    return ExitStatus.OK


def _lines(settlement: Settlement) -> Iterator[str]:
    if settlement == Settlement():
        yield "Nothing was left open."
        return
    for settled in settlement.settled:
        yield (
            f"{_named(settled.plan)}: {settled.state.value.replace('_', ' ')}."
            f" {printable_lines(settled.message)}"
        )
    for attempt in settlement.attempts:
        yield (
            f"{_place(attempt)}, job {printable(attempt.job)}: failed. Its process is gone, and it had not"
            " begun to write."
        )
    for run in settlement.runs:
        yield f"{_place(run)}: failed. Its process is gone, and the run is closed now."


def _named(plan: OpenPlan) -> str:
    return f"{_place(Closed(plan.collection, plan.run_id))}, job {printable(plan.job)}, plan {plan.id}"


def _place(closed: Closed) -> str:
    return f"{printable(closed.collection)}, run {printable(closed.run_id)}"
