"""`directory-sync requests …` and the REST API of a real Airflow agree with each other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from directory_sync.approval.people import Approver
from directory_sync.cli.main import main
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.model import LimitCheck
from tests.scenarios.job_results import HOSTILE
from tests.scenarios.plans import creations
from tests.scenarios.portal_server import PortalServer
from tests.scenarios.requests import stored_plan

Output = tuple[int, str, str]

POLICY = {
    "approvers": {"users": ["bea", "ida"]},
    "require": "any",
    "when": "always",
    "self_approval": "forbid",
}
CHANGES = (
    *creations(250),
    Change(Action.UPDATE, "fry", "uid=fry", fields=(FieldChange("title", (b"Boy",), (HOSTILE.encode(),)),)),
    Change(Action.DELETE, "zapp", "uid=zapp", fields=(FieldChange("photo", (b"\xff\xd8",), ()),)),
)


@pytest.fixture(scope="module")
def server() -> Iterator[PortalServer]:
    """An Airflow whose users have passwords, with the portal in it."""
    with PortalServer("simple") as running:
        yield running


@pytest.fixture
def call(
    server: PortalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Output]:
    """Runs `directory-sync requests …` as a user: exit status, standard output, standard error."""
    monkeypatch.setenv("DIRECTORY_SYNC_URL", server.url)

    def run(user: str, *arguments: str) -> Output:
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", server.token(user))
        capsys.readouterr()
        status = main(["requests", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def file(
    server: PortalServer, changes: tuple[Change, ...] = CHANGES, *, run_id: str, requester: str = "olga"
) -> tuple[str, str]:
    """File a request; its number and digest."""
    plan_id = stored_plan(server.store, changes, run_id=run_id, requester=requester, reason=HOSTILE)
    asked = (Approver("user", "bea"), Approver("user", "ida"))
    filed = server.store.filing.file(
        plan_id,
        policy=POLICY,
        approvers=asked,
        waives=[LimitCheck("delete", "", 1, 10, 0, "0")],
        description="New crew",
    )
    return str(filed.id), server.store.requests.get(filed.id).request.digest


def test_a_request_is_found_read_and_approved(server: PortalServer, call: Callable[..., Output]) -> None:
    """The inbox has it; show has all of it, page by page; approving with its digest is recorded under the
    user's name.
    """
    number, digest = file(server, run_id="read")
    status, out, _ = call("bea", "list")
    assert status == 0
    assert f"\n{number}\tpending\tcrew\tpeople\t252 changes" in out

    status, out, err = call("bea", "show", number, "--changes")
    assert (status, err) == (0, "")
    assert f"  digest: {digest}\n" in out
    assert "  you: may decide\n" in out
    assert "\x1b" not in out
    assert [line.split()[0] for line in out.split("changes:\n")[1].splitlines() if line[:3] != "   "] == [
        "delete", "update", *["create"] * 250,
    ]  # fmt: skip

    status, out, err = call("bea", "approve", number, "--digest", digest[:12], "--reason", "Fine")
    assert (status, err) == (0, "")
    assert out.startswith(f"request {number}: Approved (")
    (decision,) = server.store.requests.get(int(number)).decisions
    assert (decision.person.name, decision.agreed, decision.reason, decision.person.verified) == (
        "bea",
        True,
        "Fine",
        True,
    )


def test_all_formats(server: PortalServer, call: Callable[..., Output]) -> None:
    """JSON, CSV and LDIF hold every change."""
    number, digest = file(server, run_id="formats")
    data = json.loads(call("bea", "show", number, "--format", "json", "--changes")[1])
    assert (data["request"]["digest"], len(data["changes"])) == (digest, len(CHANGES))
    assert [change["sequence"] for change in data["changes"]] == list(range(len(CHANGES)))

    rows = list(csv.DictReader(io.StringIO(call("bea", "show", number, "--format", "csv")[1])))
    assert {row["key"] for row in rows} == {change.key for change in CHANGES}
    status, out, _ = call("bea", "show", number, "--format", "ldif")
    assert status == 0
    assert out.count("changetype: add") == 250
    assert "\x1b" not in out
    assert json.loads(call("bea", "list", "--format", "json")[1])["requests"][0]["id"] == int(number)


def test_denial_reroute_and_cancel(server: PortalServer, call: Callable[..., Output]) -> None:
    """Each does what it says, and the store knows who did it."""
    number, digest = file(server, creations(3), run_id="reroute")
    assert call("bea", "reroute", number, "--to-user", "hugo", "--to-role", "op", "--reason", "away")[0] == 0
    status, _, err = call("bea", "reroute", number, "--to-user", "emil")
    assert status == 1
    assert "User emil: Airflow knows no user of this name." in err
    assert "--confirm-unknown" in err
    assert call("bea", "reroute", number, "--to-user", "emil", "--confirm-unknown")[0] == 0
    shown = call("bea", "show", number)[1]
    assert "user emil (reroute): Airflow knows no user of this name." in shown
    assert "user hugo (reroute)\n" in shown
    view = server.store.requests.get(int(number))
    assert {("user", "hugo"), ("role", "op")} <= {(each.kind, each.name) for each in view.assignees}
    status, out, _ = call("hugo", "deny", number, "--digest", digest, "--reason", "No “such” crew")
    assert (status, "Denied" in out) == (0, True)

    number, _ = file(server, creations(4), run_id="cancel")
    status, out, _ = call("olga", "cancel", number, "--reason", "Typo")
    assert (status, "Cancelled" in out) == (0, True)


def test_what_is_refused(server: PortalServer, call: Callable[..., Output]) -> None:
    """Status 5 for who may not, 1 for what is decided already (with who was first), another plan, or no such
    request.
    """
    number, digest = file(server, creations(5), run_id="refused")
    assert call("vera", "approve", number, "--digest", digest)[0] == 5
    assert call("olga", "approve", number, "--digest", digest)[0] == 5
    assert call("vera", "cancel", number)[0] == 5
    assert call("vera", "reroute", number, "--to-user", "vera")[0] == 5
    assert call("vera", "list", "--list", "all")[0] == 5
    assert call("bea", "approve", number, "--digest", "0" * 12)[0] == 1
    assert server.store.requests.get(int(number)).request.pending

    assert call("ida", "deny", number, "--digest", digest, "--reason", "No")[0] == 0
    status, _, err = call("bea", "approve", number, "--digest", digest)
    assert status == 1
    assert "by ida" in err
    status, _, err = call("bea", "show", "1000000")
    assert status == 1
    assert "1000000" in err


def test_filters(server: PortalServer, call: Callable[..., Output]) -> None:
    """Every filter is one that the API knows; a state that does not exist is wrong usage."""
    number, _ = file(server, creations(6), run_id="filters")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    every = [
        "--list", "all", "--state", "pending", "--state", "denied", "--collection", "crew", "--job", "people",
        "--requester", "olga", "--approver", "bea", "--object", creations(1)[0].object, "--description", "new crew",  # noqa: E501
        "--event", "filed", "--from", "2026-01-31T18:00+01:00", "--until", tomorrow,
    ]  # fmt: skip
    status, out, err = call("admin", "list", *every)
    assert (status, err.count("\n")) == (0, 1)
    assert out.splitlines()[1].startswith(f"{number}\t")
    assert call("admin", "list", "--list", "all", "--decided-by", "nobody")[1].count("\n") == 1
    status, _, err = call("admin", "list", "--state", "pendign")
    assert status == 2
    assert "pending" in err


def test_logging_in(
    server: PortalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a password; a wrong one and a wrong token are status 5."""
    arguments = ["requests", "list", "--url", server.url]
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", "pass-word-of-a-test")
    assert main([*arguments, "--user", "bea"]) == 0
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", "wrong")
    assert main([*arguments, "--user", "bea"]) == 5
    for token in ("x", "eyJhbGciOiJIUzI1NiJ9.e30.x"):
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", token)
        capsys.readouterr()
        assert main(arguments) == 5
        assert "does not accept this token" in capsys.readouterr().err


def test_an_airflow_without_the_portal(
    server: PortalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address at which there is no Directory Sync is told from a request that does not exist."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", server.token("bea"))
    assert main(["requests", "show", "1", "--url", f"{server.url}/api"]) == 1
    assert "See whether the address is right" in capsys.readouterr().err
