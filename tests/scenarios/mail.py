"""A sender that keeps what it is given, or refuses it; and mails about requests of a store.

Run as a program with the URL of a store, it waits for a line on its input, then delivers what is due there
and prints addresses and Message-IDs as JSON. With an address besides, it prints each address at once, and
does not go on when it comes to that one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from directory_sync.approval.people import named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.errors import MailError
from directory_sync.mail.addresses import Addresses
from directory_sync.mail.links import Links
from directory_sync.mail.outbox import DeliveryResult, deliver
from directory_sync.mail.templates import Templates
from directory_sync.store.outbox import DueMail, Topic
from directory_sync.store.store import Store
from tests.scenarios.clock import START
from tests.scenarios.requests import stored_plan

PORTAL = "https://airflow.example/plugin/dirsync/dirsync"
LINKS = Links(airflow="https://airflow.example", portal=PORTAL)
ADDRESSES = Addresses(domain="corp.example", roles={"Heads": "heads@corp.example"})
DOWN = MailError(
    "The mail server takes no mail: it cannot be reached: Connection refused. See that it runs.",
    concerns_all=True,
)

Problem = Callable[[str], MailError | None]


class Box:
    """A sender. `problem` says of each address why it does not get its mail.

    What only tells the person who started a run that a request was filed is kept apart, in `filed`.
    """

    def __init__(
        self, problem: Problem = lambda to: None, sender: str = "Directory Sync <sync@corp.example>"
    ) -> None:
        self.sender = sender
        self.problem = problem
        self.mails: list[tuple[str, EmailMessage]] = []
        self.filed: list[tuple[str, EmailMessage]] = []
        self.tries = 0

    def send(self, message: EmailMessage, to: str, handing_over: Callable[[], None]) -> None:
        self.tries += 1
        if (problem := self.problem(to)) is not None:
            raise problem
        handing_over()
        is_filed = str(message["Subject"]).startswith("Waits for approval: changes of ")
        (self.filed if is_filed else self.mails).append((to, message))

    def take(self) -> list[tuple[str, EmailMessage]]:
        """What came since the last time."""
        taken, self.mails = self.mails, []
        return taken

    def take_subjects(self) -> list[tuple[str, str]]:
        """Address and first word of the subject of what came since the last time."""
        return [(to, message["Subject"].split()[0].rstrip(":")) for to, message in self.take()]


def file(
    store: Store,
    *,
    users: tuple[str, ...] = ("bea", "zoe"),
    roles: tuple[str, ...] = (),
    name: str = "crew",
    policy: dict[str, Any] | None = None,
    **given: Any,
) -> int:
    """File a request that asks these; its number."""
    effective = EffectivePolicy.model_validate(
        {"approvers": {"users": users, "roles": roles}, **(policy or {})}
    )
    plan = stored_plan(
        store, name=name, **{key: given.pop(key) for key in ("requester", "reason", "run_id") if key in given}
    )
    return store.filing.file(
        plan,
        policy=effective.model_dump(mode="json", exclude_none=True),
        approvers=named(effective.approvers),
        **given,
    ).id


def of_request(request: int, kind: str, event: int) -> DueMail:
    """Mail about an event of a request, as one has it who need not take it."""
    return DueMail(Topic.REQUEST, request, kind, event, 1, START, START)


def send(
    store: Store,
    box: Box,
    *,
    addresses: Addresses = ADDRESSES,
    templates: Templates | None = None,
    **keys: Any,
) -> DeliveryResult:
    """Deliver what is due."""
    return deliver(
        store, sender=box, addresses=addresses, links=LINKS, templates=templates or Templates(), **keys
    )


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """The mail's text, or its HTML."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class Slow(Box):
    """Says what it sends, and waits before one of the addresses as if the server did not answer."""

    def __init__(self, wait_at: str) -> None:
        super().__init__()
        self.wait_at = wait_at

    def send(self, message: EmailMessage, to: str, handing_over: Callable[[], None]) -> None:
        if to == self.wait_at:
            print(f"waiting for {to}", flush=True)
            time.sleep(600)
        super().send(message, to, handing_over)
        print(to, flush=True)


def _main(url: str, wait_at: str = "") -> None:
    with Store.open(url) as store:
        box = Slow(wait_at) if wait_at else Box()
        print("ready", flush=True)
        sys.stdin.readline()
        send(store, box)
        print(
            json.dumps([[to, message["Message-ID"]] for to, message in (*box.mails, *box.filed)]), flush=True
        )


if __name__ == "__main__":
    _main(*sys.argv[1:])
