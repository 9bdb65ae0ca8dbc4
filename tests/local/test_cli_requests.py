"""`directory-sync requests …` against a server that answers as agreed: what is shown, what is sent, how it
ends.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from directory_sync.cli import requests, requests_actions, requests_session
from directory_sync.cli.main import main
from directory_sync.cli.requests_text import COLUMNS, changes_text
from directory_sync.portal.wire.answer import read_answer
from directory_sync.portal.wire.requests import RequestAnswer
from tests.scenarios.job_results import HOSTILE
from tests.scenarios.rest_server import (
    CHANGES,
    DIGEST,
    TOKEN,
    Answer,
    Asked,
    RestServer,
    as_agreed,
    change_pages,
    details,
    summary,
)

Output = tuple[int, str, str]
PREFIX = DIGEST[:12]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    """A server with one pending request, its address and a token in the environment."""
    with RestServer(as_agreed(details())) as running:
        monkeypatch.setenv("DIRECTORY_SYNC_URL", running.url)
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
        yield running


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs `directory-sync requests …` without a terminal: exit status, standard output, standard error."""

    def run(*arguments: str) -> Output:
        capsys.readouterr()
        status = main(["requests", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts somebody in front of the command who types this."""

    def sits(typed: str) -> None:
        monkeypatch.setattr(requests_actions, "is_terminal", lambda stream: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    return sits


# -- list ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("server")
def test_a_list_in_a_pipe_has_one_line_for_each_request(call: Callable[..., Output]) -> None:
    """Columns with tabs between them, the most serious changes first; how many there are stands on standard
    error.
    """
    status, out, err = call("list")

    assert (status, err) == (0, "directory-sync: 1 request.\n")
    heading, row = (line.split("\t") for line in out.splitlines())
    assert tuple(heading) == COLUMNS
    assert row == [
        "12", "pending", "crew", "people", "3 changes planned: 1 deletion, 1 update, 1 creation", "ida",
        "2026-11-22 18:58 UTC", "2026-11-29 18:58 UTC",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "state", ["pending", "approved", "denied", "expired", "cancelled", "stale", "applied"]
)
def test_what_was_not_written_is_told_as_planned(state: str) -> None:
    """Also where a request has ended without being applied."""
    planned = "" if state == "applied" else " planned"
    shown = changes_text(read_answer(RequestAnswer, summary(state=state)))
    assert shown == f"3 changes{planned}: 1 deletion, 1 update, 1 creation"


def test_a_list_in_a_terminal_is_a_table(
    server: RestServer, call: Callable[..., Output], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With boxes; what looks like markup stays as it is, and nothing can command the terminal."""
    monkeypatch.setattr(requests, "is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "200")
    server.answers = as_agreed(details(requester="[red]ida\x1b[2J"))
    _, out, _ = call("list")

    assert "│" in out
    assert r"[red]ida\x1b[2J" in out
    assert "\x1b[2J" not in out


def test_a_list_as_json_is_what_the_api_gives(server: RestServer, call: Callable[..., Output]) -> None:
    """Also keys that this version does not know."""
    server.answers = as_agreed(details(brand_new=[1, {"a": None}]))
    status, out, err = call("list", "--format", "json")

    assert (status, err) == (0, "")
    assert json.loads(out) == {"requests": [summary(brand_new=[1, {"a": None}])], "total": 1}


def test_filters_are_the_ones_of_the_api(server: RestServer, call: Callable[..., Output]) -> None:
    """Each option is sent under the API's name for it, and nothing else is."""
    options = {
        "list": "all", "job": "people", "requester": "ida", "approver": "bea", "decided-by": "cleo", "object": "uid=fry & co",  # noqa: E501
        "description": "50 %", "event": "rerouted", "from": "2026-01-31", "until": "2026-02-28T12:00+01:00",
    }  # fmt: skip
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    call("list", *arguments, "--state", "denied", "--state", "stale", "--collection", "crew", "--first", "7")

    assert server.asked[-1].query == {
        **{name.replace("-", "_"): [value] for name, value in options.items()},
        "state": ["denied", "stale"],
        "collection": ["crew"],
        "limit": ["7"],
    }


def test_long_lists_are_read_page_by_page(server: RestServer, call: Callable[..., Output]) -> None:
    """As many requests as asked for, however small the server's pages are; how many there are in all is
    told.
    """

    def answers(asked: Asked) -> Answer:
        first = int(asked.query.get("before", ["101"])[0]) - 1
        page = [summary(number) for number in range(first, max(0, first - 30), -1)]
        following = page[-1]["id"] if page[-1]["id"] > 1 else None
        return Answer(body={"requests": page, "next": following, "total": 100})

    server.answers = answers
    _, out, err = call("list", "--first", "70")
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == [
        str(number) for number in range(100, 30, -1)
    ]
    assert err == "directory-sync: 70 requests of 100; --first 100 shows all of them.\n"

    _, out, err = call("list", "--first", "1000")
    assert len(out.splitlines()) == 101
    assert err == "directory-sync: 100 requests.\n"


def test_pages_that_lead_in_a_circle_end(server: RestServer, call: Callable[..., Output]) -> None:
    """A server that always names a next page cannot keep the command busy for ever."""
    server.answers = lambda asked: Answer(body={"requests": [summary()], "next": 12, "total": 10**9})

    status, out, _ = call("list", "--first", "1000")
    assert (status, len(out.splitlines())) == (0, 3)


# -- show ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("server")
def test_a_request_is_shown_worst_first(call: Callable[..., Output]) -> None:
    """Numbers, the limit that is gone past before the others, the whole digest, who is asked, what has
    happened, errors.
    """
    status, out, _ = call("show", "12")
    asked = "(connection ship: ou=people,dc=ship, subtree, filter (uid=*); 2026-11-30 06:00 UTC)"

    assert status == 0
    assert out.splitlines() == [
        "request 12: Waiting for approval",
        "  job: crew.people",
        "  plan: 3 changes planned: 1 deletion, 1 update, 1 creation",
        f"  source listing: 3 entries in 1 page; complete: the server sent its last page {asked}",
        f"  destination listing: 0 entries; empty: the file does not exist yet {asked}",
        "  limit exceeded: delete: 1 planned, 0 allowed",
        "  limit: create: 1 planned, 10 allowed",
        "  asked for by: ida",
        "  reason: Payroll said so",
        "  warning: The source has no mail.",
        f"  digest: {DIGEST}",
        "  run: manual__2026-11-22T18:58:17+00:00",
        "  filed: 2026-11-22 18:58 UTC",
        "  expires: 2026-11-29 18:58 UTC",
        "  waits for: bea, or someone with the role admins",
        "  you: may decide",
        "  page: http://localhost:8080/plugin/dirsync/dirsync/requests/12",
        "asked:",
        "  user bea (policy)",
        "  role admins (escalation, level 1)",
        "history:",
        "  2026-11-22 18:58 UTC  filed by ida",
        "not planned, because of errors:",
        "  zoidberg (line 7): no surname",
    ]


@pytest.mark.usefixtures("server")
def test_changes_are_shown_worst_first_and_harmless(call: Callable[..., Output]) -> None:
    """Deletions, then updates, then creations, read page by page, with results; no value can command the
    terminal.
    """
    _, out, _ = call("show", "12", "--changes")
    changes = out.split("changes:\n", 1)[1]

    assert changes.splitlines() == [
        (
            r"  delete   \x1b[2J\u202eevil\ndirectory-sync: all is well "
            r" uid=\x1b[2J\u202eevil\ndirectory-sync:"
            r" all is well"
        ),
        r"      description: \x1b[2J\u202eevil\ndirectory-sync: all is well",
        "  update   ship  cn=ship,dc=office",
        "      member: - uid=bender",
        "      member: + uid=fry",
        "      conflict: has changed meanwhile",
        "  create   fry  uid=fry,dc=office",
        "      uid: fry",
        "      photo: <4 bytes>",
    ]


@pytest.mark.usefixtures("server")
def test_json_is_what_the_api_gives(call: Callable[..., Output]) -> None:
    """With changes it holds all of them in the plan's order."""
    assert json.loads(call("show", "12", "--format", "json")[1]) == details()
    _, out, _ = call("show", "12", "--format", "json", "--changes")
    assert json.loads(out) == {**details(), "changes": list(CHANGES)}
    assert "\x1b" not in out


@pytest.mark.usefixtures("server")
def test_downloads_pass_through_harmless(call: Callable[..., Output]) -> None:
    """CSV comes as the API gives it, with plain line ends; what could command a terminal is spelled out."""
    status, out, err = call("show", "12", "--format", "csv")

    assert (status, err) == (0, "")
    assert out == "action,key\ncreate,fry\ndelete,\\x1b[2J\\u202eevil\ndirectory-sync: all is well\n"


def test_a_server_is_never_trusted_with_the_terminal(server: RestServer, call: Callable[..., Output]) -> None:
    """Whatever text of a request is hostile, list and show print no control character and no line that begins
    with it.
    """
    hostile = dict.fromkeys(
        ("collection", "job", "run_id", "requester", "reason", "description", "url", "state"), HOSTILE
    )
    text = details(
        **hostile,
        waives=[HOSTILE],
        waiting_for=HOSTILE,
        warnings=[HOSTILE],
        powers={"decide": HOSTILE, "cancel": ""},
        assignees=[{"kind": HOSTILE, "name": HOSTILE, "why": HOSTILE, "since": "2026-11-22T18:58:17Z"}],
        events=[{"kind": HOSTILE, "actor": HOSTILE, "text": HOSTILE, "at": "2026-11-22T18:58:17Z"}],
        problems=[{"key": HOSTILE, "object": HOSTILE, "message": HOSTILE}],
        limits=[
            {"kind": HOSTILE, "subject": HOSTILE, "planned": 1, "base": 1, "allowed": 0, "limit": HOSTILE}
        ],
    )
    server.answers = as_agreed(text)
    for arguments in (
        ["list"],
        ["show", "12"],
        ["show", "12", "--changes"],
        ["approve", "12", "--digest", PREFIX],
    ):
        _, out, err = call(*arguments)
        assert not set("\x1b\u202e") & set(out + err)
        assert not any(line.startswith("directory-sync: all is well") for line in (out + err).splitlines())


def test_what_only_a_newer_server_knows_is_shown(server: RestServer, call: Callable[..., Output]) -> None:
    """A kind of change, of mark, of outcome, or how a listing ended: by its name, and never as a command."""
    told = details()
    told["evidence"]["source"]["end"] = "merged\x1b[2J"
    newest = CHANGES[1] | {"sequence": 3, "action": "restore\x1b[2J", "marks": [{"kind": "seen_twice"}]}
    agreed = as_agreed(told)
    told["request"]["changes"] = 4
    server.answers = lambda asked: (
        change_pages(asked, (*CHANGES, newest)) if asked.path.endswith("/12/changes") else agreed(asked)
    )
    status, out, err = call("show", "12", "--changes")

    assert (status, err) == (0, "")
    assert r"ended in a way that this version does not know (merged\x1b[2J)" in out
    assert r"restore\x1b[2J  ship  cn=ship,dc=office" in out
    assert "seen twice" in out
    assert out.count("cn=ship,dc=office") == 2
    assert "\x1b" not in out


def test_what_was_found_done_is_no_trouble(server: RestServer, call: Callable[..., Output]) -> None:
    """Only what is, or may be, not as the change wanted it is told with a change."""
    agreed = as_agreed(details())
    results = ("done", "found_done", "uncertain")
    changes = tuple(change | {"result": result} for change, result in zip(CHANGES, results, strict=True))
    server.answers = lambda asked: (
        change_pages(asked, changes) if asked.path.endswith("/12/changes") else agreed(asked)
    )
    _, out, _ = call("show", "12", "--changes")

    assert "found_done" not in out
    assert "uncertain" in out


# -- decisions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["approve", "deny"])
def test_a_script_names_the_plan(server: RestServer, call: Callable[..., Output], action: str) -> None:
    """With the beginning of the digest the whole digest of the request is sent, and the outcome told."""
    status, out, err = call(action, "12", "--digest", PREFIX.upper(), "--reason", "Tested, “fine”")

    assert (status, err) == (0, "")
    assert server.posted(f"/12/{action}") == [{"digest": DIGEST, "reason": "Tested, “fine”"}]
    label = {"approve": "Approved", "deny": "Denied"}[action]
    assert out == f"request 12: {label} (2026-11-22 19:00 UTC by bea)\n"


@pytest.mark.parametrize("more", [(), ("--yes",)], ids=["nothing", "yes"])
@pytest.mark.parametrize("action", ["approve", "deny"])
def test_a_script_that_names_no_plan_decides_nothing(
    server: RestServer, call: Callable[..., Output], action: str, more: tuple[str, ...]
) -> None:
    """Without a terminal it is wrong usage, with --yes too: nobody has looked. Airflow is not even asked."""
    status, out, err = call(action, "12", "--reason", "x", *more)

    assert (status, out) == (2, "")
    assert "--digest" in err
    assert not [each for each in server.asked if "/requests" in each.path]


@pytest.mark.parametrize(
    "digest", ["", "0123456789a", "0123456789ag", "../../etc/pa"], ids=["empty", "short", "no digit", "path"]
)
def test_a_digest_has_to_be_one(server: RestServer, call: Callable[..., Output], digest: str) -> None:
    """Fewer than twelve digits, or anything else, is wrong usage."""
    assert call("approve", "12", "--digest", digest)[0] == 2
    assert not server.posted("/approve")


def test_another_plan_is_left_alone(server: RestServer, call: Callable[..., Output]) -> None:
    """If the request is about another plan than the script means, nothing is sent; the message says how to
    look.
    """
    status, _, err = call("approve", "12", "--digest", "f" * 12)

    assert status == 1
    assert "directory-sync requests show 12 --changes" in err
    assert not server.posted("/approve")


@pytest.mark.parametrize(
    ("typed", "decided"), [("yes\n", True), (" YES \n", True), ("y\n", False), ("\n", False), ("", False)]
)
def test_somebody_at_a_terminal_is_asked(
    server: RestServer,
    call: Callable[..., Output],
    at_a_terminal: Callable[[str], None],
    typed: str,
    decided: bool,
) -> None:
    """What would be decided is shown, with its digest; only a whole yes counts, and that very digest is
    sent.
    """
    at_a_terminal(typed)
    status, _, err = call("approve", "12")

    assert status == (0 if decided else 1)
    assert server.posted("/12/approve") == ([{"digest": DIGEST, "reason": ""}] if decided else [])
    assert "3 changes planned: 1 deletion" in err
    assert f"digest: {DIGEST}" in err
    assert ("Nothing was decided." in err) is not decided


def test_yes_at_a_terminal_shows_and_does_not_ask(
    server: RestServer, call: Callable[..., Output], at_a_terminal: Callable[[str], None]
) -> None:
    """The numbers are there all the same, nothing has to be typed."""
    at_a_terminal("")
    status, _, err = call("approve", "12", "--yes")

    assert (status, len(server.posted("/12/approve"))) == (0, 1)
    assert f"digest: {DIGEST}" in err
    assert "Type yes" not in err


def test_a_denial_needs_a_reason(server: RestServer, call: Callable[..., Output]) -> None:
    """Missing or blank is wrong usage, told before Airflow is asked to do anything."""
    assert call("deny", "12", "--digest", PREFIX)[0] == 2
    assert call("deny", "12", "--digest", PREFIX, "--reason", " ")[0] == 2
    assert not server.posted("/deny")


def test_a_request_that_is_decided_is_not_asked_about(
    server: RestServer, call: Callable[..., Output], at_a_terminal: Callable[[str], None]
) -> None:
    """Who was first, and when, is told; exit status 1."""
    server.answers = as_agreed(details(state="denied", decided="2026-11-22T19:00:00Z", decided_by="cleo"))
    at_a_terminal("yes\n")
    status, out, err = call("approve", "12")

    assert (status, out) == (1, "")
    assert "Denied (2026-11-22 19:00 UTC by cleo)" in err
    assert not server.posted("/approve")


def test_who_may_not_decide_is_told_so(
    server: RestServer, call: Callable[..., Output], at_a_terminal: Callable[[str], None]
) -> None:
    """In the policy's words, with exit status 5, and without a question in vain."""
    server.answers = as_agreed(details(powers={"decide": "You started this run.", "cancel": ""}))
    at_a_terminal("yes\n")

    assert call("approve", "12") == (5, "", "directory-sync: You started this run.\n")
    assert not server.posted("/approve")


def answers_posts_with(server: RestServer, answer: Answer) -> None:
    """Let reading work, and answer every decision like this."""
    agreed = as_agreed(details())
    server.answers = lambda asked: answer if asked.method == "POST" else agreed(asked)


DECIDED = {"error": "AlreadyDecided", "by": "cleo", "at": "19:00", "state": "denied"}
INVALID = {"loc": ["body", "digest"], "msg": "Field required", "input": "SECRET"}
REFUSALS: list[tuple[str, int, Any, int, str]] = [
    ("decided by another", 409, DECIDED, 1, "decided already: it was denied by cleo at 19:00."),
    (
        "decided, as it says",
        409,
        DECIDED | {"detail": "cleo was first."},
        1,
        "directory-sync: cleo was first.\n",
    ),
    ("stale", 409, {"detail": "Another plan now.", "error": "NotDecidable"}, 1, "Another plan now."),
    ("not allowed", 403, {"detail": "Only bea may.", "error": "NotAllowed"}, 5, "Only bea may."),
    (
        "logged out",
        401,
        {"detail": "Token expired"},
        5,
        "(Token expired). It may have expired: get a new one, or use --user.",
    ),
    (
        "gone",
        404,
        {"detail": "There is no request 12.", "error": "RequestNotFound"},
        1,
        "There is no request 12.",
    ),
    (
        "wrong",
        422,
        {"detail": "The reason is too long.", "error": "RequestError"},
        1,
        "The reason is too long.",
    ),
    ("invalid", 422, {"detail": [INVALID]}, 1, "body.digest: Field required"),
    ("store", 503, {"detail": "No store.", "error": "StoreError"}, 1, "(status 503: No store.)"),
]


@pytest.mark.parametrize(
    ("status", "body", "expected", "text"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusals(
    server: RestServer, call: Callable[..., Output], status: int, body: Any, expected: int, text: str
) -> None:
    """Each kind has its exit status and the server's own words; what was sent is never repeated."""
    answers_posts_with(server, Answer(status, body))
    ended, out, err = call("approve", "12", "--digest", PREFIX)

    assert (ended, out) == (expected, "")
    assert text in err
    assert "SECRET" not in err


def test_a_server_that_fails_while_deciding_leaves_it_open(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """An error 500, or a connection that breaks off, may have come after the decision: the message says how
    to find out.
    """
    for answer in (Answer(500, {"detail": "boom"}), Answer(write=lambda handler: handler.connection.close())):
        answers_posts_with(server, answer)
        status, _, err = call("approve", "12", "--digest", PREFIX)
        assert status == 1
        assert "not known whether it was done" in err
        assert "directory-sync requests show" in err


def test_a_decision_that_is_not_enough_says_who_is_missing(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """It is recorded, exit status 0, and the request still waits."""
    answers_posts_with(server, Answer(body=details(waiting_for="one more of bea, cleo")))

    expected = "request 12: Waiting for approval\n  waits for: one more of bea, cleo\n"
    assert call("approve", "12", "--digest", PREFIX) == (0, expected, "")


def test_what_a_terminal_asked_for_is_carried_out_there(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """Whoever approves it hears of the command, because no run in Airflow waits for it."""
    server.answers = as_agreed(details(trigger="terminal", requester_verified=False))
    _, out, _ = call("approve", "12", "--digest", PREFIX)
    assert "directory-sync run FILE --approved 12 applies it" in out

    server.answers = as_agreed(details(trigger="scheduled"))
    assert "--approved" not in call("approve", "12", "--digest", PREFIX)[1]


# -- the others ----------------------------------------------------------------------------------------------


def test_reroute(server: RestServer, call: Callable[..., Output]) -> None:
    """Users and roles are sent as they are named; nobody at all is wrong usage."""
    assert (
        call(
            "reroute", "12", "--to-user", "amy", "--to-user", "kif", "--to-role", "crew", "--reason", "away"
        )[0]
        == 0
    )
    assert server.posted("/12/reroute") == [{"users": ["amy", "kif"], "roles": ["crew"], "reason": "away"}]
    assert call("reroute", "12")[0] == 2


def test_cancel(server: RestServer, call: Callable[..., Output]) -> None:
    """The reason goes along, and the new state is told."""
    status, out, _ = call("cancel", "12", "--reason", "Typo")

    assert (status, out) == (0, "request 12: Cancelled (2026-11-22 19:00 UTC by bea)\n")
    assert server.posted("/12/cancel") == [{"reason": "Typo"}]


@pytest.mark.usefixtures("server")
def test_a_request_that_is_not_there(call: Callable[..., Output]) -> None:
    """Exit status 1 and the server's words."""
    assert call("show", "13") == (1, "", "directory-sync: There is no such request.\n")


def test_a_wrong_filter_is_wrong_usage(server: RestServer, call: Callable[..., Output]) -> None:
    """The server knows what can be asked for; its words are told with exit status 2."""
    server.answers = lambda asked: Answer(
        422, {"detail": "state: “pendign” is not a valid value.", "error": "QueryError"}
    )

    assert call("list", "--state", "pendign") == (
        2,
        "",
        "directory-sync: state: “pendign” is not a valid value.\n",
    )


@pytest.mark.parametrize("number", ["0", "-1", "x", "1/../../auth", "1?x=y"])
def test_numbers_are_numbers(call: Callable[..., Output], number: str) -> None:
    """Nothing else gets into an address."""
    assert call("show", number)[0] == 2


# -- whether the plan is what was filed ----------------------------------------------------------------------

ALTERED = "Plan 7 in the store is not the one that was saved. Find out who changed it, and run the job again."


def test_an_altered_plan_is_shown_as_such_and_not_decided(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """In plain sight above what it changes; approve and deny end with status 1 and send nothing."""
    server.answers = as_agreed({**details(), "integrity": "altered", "integrity_message": ALTERED})
    status, out, _ = call("show", "12")
    assert status == 0
    assert out.index(f"  ALTERED: {ALTERED}\n") < out.index("  plan: 3 changes")
    for decision in (("approve",), ("deny", "--reason", "no")):
        status, _, err = call(decision[0], "12", "--digest", PREFIX, *decision[1:])
        assert status == 1
        assert ALTERED in err
    assert server.posted("/approve") == server.posted("/deny") == []


def test_the_check_of_a_large_plan_is_awaited(
    server: RestServer, call: Callable[..., Output], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow makes it in the background; what it has come to is shown.

    One that takes too long is said to be unknown.
    """
    monkeypatch.setattr(requests_session, "_PAUSE", 0.01)
    left = 3

    def answers(asked: Asked) -> Answer:
        nonlocal left
        left -= asked.path.endswith("/12")
        state = ("checking", "It is being checked.") if left > 0 else ("altered", ALTERED)
        return as_agreed({**details(), "integrity": state[0], "integrity_message": state[1]})(asked)

    server.answers = answers
    assert f"  ALTERED: {ALTERED}\n" in call("show", "12")[1]
    left = 10**6
    monkeypatch.setattr(requests_session, "_LONGEST_CHECK", 0.05)
    assert "  not checked yet: It is being checked.\n" in call("show", "12")[1]


# -- what people are told of place, people and waivers -------------------------------------------------------


def test_places_and_titles_are_shown_instead_of_an_identity(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """Source and destination by connection and container; an older Airflow, which does not name them, has the
    identity.
    """
    places = {
        "title": "Crew of the ship",
        "source_text": "ship: ou=crew,dc=ship",
        "destination_text": "office: ou=crew,dc=office",
    }
    server.answers = as_agreed({**details(**places), "destination": "ldap:dc=office#1234"})
    out = call("show", "12")[1]
    for line in (
        "collection: Crew of the ship",
        "source: ship: ou=crew,dc=ship",
        "destination: office: ou=crew,dc=office",
    ):
        assert f"  {line}\n" in out
    assert "ldap:dc=office#1234" not in out
    server.answers = as_agreed({**details(), "destination": "ldap:dc=office#1234"})
    assert "  destination: ldap:dc=office#1234\n" in call("show", "12")[1]


def test_objects_have_the_names_that_people_call_them_by(
    server: RestServer, call: Callable[..., Output]
) -> None:
    """Behind key and id."""
    change = {**CHANGES[0], "name": "Philip J. Fry"}

    def answers(asked: Asked) -> Answer:
        return (
            change_pages(asked, (change,)) if asked.path.endswith("/changes") else as_agreed(details())(asked)
        )

    server.answers = answers
    assert "  create   fry  uid=fry,dc=office  (Philip J. Fry)\n" in call("show", "12", "--changes")[1]


def test_a_waiver_says_what_it_still_needs(server: RestServer, call: Callable[..., Output]) -> None:
    """Before somebody decides and after: another run, by others, in time.

    Its own reason and asker are shown.
    """
    waiver = {"waiver": True, "asked_by": "olga", "reason": "The office closed"}
    server.answers = as_agreed(details(**waiver))
    out = call("show", "12")[1]
    assert "  asked for by: olga\n" in out
    assert "  run started by: ida\n" in out
    assert "  waiver: an approval writes nothing by itself: a later run applies it, within 7 days." in out
    approved = {
        "state": "approved",
        "decided": "2026-11-22T19:00:00Z",
        "decided_by": "bea",
        "usable_until": "2026-11-29T19:00:00Z",
    }
    server.answers = lambda asked: (
        Answer(body=details(**waiver, **approved))
        if asked.method == "POST"
        else as_agreed(details(**waiver))(asked)
    )
    out = call("approve", "12", "--digest", PREFIX)[1]
    assert (
        "nothing is written yet: a later run that makes exactly this plan applies it, by 2026-11-29 19:00"
        " UTC." in out
    )
    assert "The schedule may start that run, or anyone who has not approved this." in out
