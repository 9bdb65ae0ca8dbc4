"""What the request's page says of mail: who got it, who did not, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from directory_sync.approval.request import Event, EventKind, Request
from directory_sync.portal.views.request_history import history

ZOE = {"kind": "user", "name": "zoe", "why": "no mail address is known."}
CREW = {"kind": "role", "name": "Crew", "why": "role_addresses has no address."}


@pytest.mark.parametrize(
    ("to", "problem", "unreached", "said"),
    [
        (["bea@x.org", "max@x.org"], "", [], "Mail (filed) was sent to bea@x.org, max@x.org."),
        (
            ["bea@x.org"],
            "The server is slow.",
            [],
            "Mail (filed) was sent to bea@x.org. Not to everyone: The server is slow.",
        ),
        ([], "The server is down.", [], "Mail (filed) was sent to no one. The server is down."),
        (
            ["bea@x.org"],
            "",
            [ZOE],
            "Mail (filed) was sent to bea@x.org. Not to zoe: no mail address is known.",
        ),
        (
            [],
            "",
            [ZOE, CREW],
            (
                "Mail (filed) was sent to no one. Not to zoe: no mail address is known. "
                "Not to everyone with the role Crew: role_addresses has no address."
            ),
        ),
    ],
    ids=["all", "some", "none", "one given up", "nobody reachable"],
)
def test_mail_says_who_got_it_and_who_did_not(
    to: list[str], problem: str, unreached: list[dict[str, Any]], said: str
) -> None:
    """Who was reached is not told as if they were not; who was not reached is named, with the reason."""
    data = {"to": to, "about": "filed", "event": 1, "unreached": unreached}
    event = Event(
        id=2, kind=EventKind.MAILED, actor="", text=problem, at=datetime(2026, 1, 1, tzinfo=UTC), data=data
    )
    [entry] = history(cast("Request", SimpleNamespace(successor=None)), [event])
    assert entry.text == said
    assert entry.quote == ""
