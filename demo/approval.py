"""What `make demo-check` does as people who decide: it approves one request and denies another, through real
HTTP.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx

from demo.check import Checks, parse
from demo.product_api import ProductApi

if TYPE_CHECKING:
    from demo.__main__ import Demo

_COLLECTION, _RUN_TIMEOUT = "planet_express_to_branch", 120.0
_FIRST_GUESTS = {"kif", "zapp", "morbo", "linda"}
_APPROVED = {
    "kif": {"title": {b"Commander"}, "roomNumber": {b"101"}},
    "zapp": {"title": {b"Captain"}, "roomNumber": {b"201"}, "description": {b"Arrives by limousine"}},
    "linda": {"roomNumber": {b"104"}},
    "calculon": {"cn": {b"Antonio Calculon"}, "description": {b"Needs a mirror"}},
    "wernstrom": {"title": {b"Professor"}},
    "elzar": {"roomNumber": {b"303"}},
}


def check_approval(demo: Demo, checks: Checks, run_id: str) -> None:
    """The approver, and nobody else, agrees; exactly what was shown is then written."""
    checks.equal("the guests before anybody has agreed", set(_guests(demo)), _FIRST_GUESTS)
    anonymous = httpx.get(f"{demo.server.url}/dirsync/api/v1/requests", timeout=30, trust_env=False)
    checks.equal("the answer to somebody who has not logged in", anonymous.status_code, 401)
    with _as_user(demo, "bob") as bob, _as_user(demo, "ida") as ida, _as_user(demo, "carol") as carol:
        inbox = bob.inbox()
        checks.equal(
            "what waits for bob",
            [(each["job"], each["requester"], each["changes"]) for each in inbox],
            [("guests", "ida", 6)],
        )
        checks.equal("what waits for who has asked, and for others", [ida.inbox(), carol.inbox()], [[], []])
        number, digest = inbox[0]["id"], inbox[0]["digest"]
        shown = {(each["action"], each["key"]) for each in bob.changes(number)}
        expected = {("delete", "morbo"), ("update", "kif"), ("update", "zapp")}
        checks.equal(
            "what bob is shown",
            shown,
            expected | {("create", key) for key in ("calculon", "wernstrom", "elzar")},
        )
        checks.equal("who has asked may not agree", ida.decide(number, "approve", digest)[0], 403)
        checks.equal("somebody else may not agree", carol.decide(number, "approve", digest)[0], 403)
        checks.equal("another plan cannot be agreed to", bob.decide(number, "approve", "0" * 64)[0], 409)
        checks.equal("the guests before bob has agreed", set(_guests(demo)), _FIRST_GUESTS)
        checks.equal("bob agrees", bob.decide(number, "approve", digest)[0], 200)
        checks.equal("a decision is final", bob.decide(number, "deny", digest, "too late")[0], 409)
        checks.equal(
            "the run after the approval", demo.api.wait_for_run(_COLLECTION, run_id, _RUN_TIMEOUT), "success"
        )
        request = bob.request(number)["request"]
        checks.equal("the request afterwards", (request["state"], request["decided_by"]), ("applied", "bob"))
        checks.equal("what became of it", request["result"]["state"], "success")
    found = _guests(demo)
    checks.equal("the guests after bob has agreed", set(found), set(_APPROVED))
    for uid, attributes in _APPROVED.items():
        for name, values in attributes.items():
            checks.equal(f"{name} of {uid}", set(found.get(uid, {}).get(name, ())), values)


def check_denial(demo: Demo, checks: Checks, run_id: str, before: str) -> None:
    """A denial needs a reason; nothing is written, and the run is no failure because of it."""
    with _as_user(demo, "bob") as bob:
        request = bob.inbox()[0]
        checks.equal(
            "a denial without a reason", bob.decide(request["id"], "deny", request["digest"])[0], 422
        )
        said, _ = bob.decide(request["id"], "deny", request["digest"], "Mallory is no guest of ours.")
        checks.equal("bob denies", said, 200)
        checks.equal(
            "the run after the denial", demo.api.wait_for_run(_COLLECTION, run_id, _RUN_TIMEOUT), "success"
        )
        states = demo.api.task_states(_COLLECTION, run_id)
        checks.equal(
            "the tasks behind the request",
            [states["guests.approval"], states["guests.apply"]],
            ["skipped", "skipped"],
        )
        checks.equal("the request afterwards", bob.request(request["id"])["request"]["state"], "denied")
    checks.equal("the guests after the denial, entry for entry", demo.guests(), before)


def _guests(demo: Demo) -> dict[str, dict[str, list[bytes]]]:
    found = parse(demo.destination.search("ou=Guests,dc=branch,dc=example", "(objectClass=inetOrgPerson)"))
    return {each["uid"][0].decode(): each for each in found.values()}


def _as_user(demo: Demo, user: str) -> contextlib.closing[ProductApi]:
    return contextlib.closing(ProductApi(demo.server.url, user, user))
