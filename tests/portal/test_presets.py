"""Whom the form of a reroute offers: managers, deputies and others; names that exist, however they are
spelled.
"""

from __future__ import annotations

import re

import pytest

from directory_sync.approval.people import Approver
from directory_sync.portal import airflow_runs
from directory_sync.portal.codes import Known
from directory_sync.portal.standing import Standing
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import BEA, NOBODY, POLICY, changes

HOSTILE = '<img src=x onerror=alert(1)>, "it\'s" & co'
KNOWN = Standing(Known.YES, people=1, seeing=1, opening=1)


@pytest.fixture
def managers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """User → manager, as the people directory would tell."""
    found: dict[str, str] = {}
    monkeypatch.setattr(
        "directory_sync.portal.presets.managers_of",
        lambda users: {user: found[user] for user in users if user in found},
    )
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    monkeypatch.setattr(airflow_runs, "send_mail_soon", lambda: None)
    return found


def ask(looker: Looker, number: int) -> str:
    """The form."""
    return looker.get(f"/requests/{number}/ask?do=reroute")


def ticks(page: str) -> list[str]:
    """What can be ticked."""
    import html

    return [html.unescape(each) for each in re.findall(r'name="preset" value="([^"]*)"', page)]


def escalating(looker: Looker) -> int:
    """A request whose policy names deputies."""
    escalation = {
        "after": "1d",
        "levels": ["manager", {"users": ["dora", "bea"], "roles": ["Night watch"]}],
        "default": {"users": [HOSTILE]},
    }
    policy = POLICY.model_validate({**POLICY.model_dump(), "escalation": escalation})
    run = looker.pages.run("escalates", name="deputies")
    return looker.pages.request(run, looker.pages.plan(run, changes(updates=1)), policy=policy)


def test_managers_and_deputies_are_offered(looker: Looker, managers: dict[str, str]) -> None:
    """Those of who is asked, and whom the policy names next; not who is asked already, nor who asked."""
    managers.update({"bea": "max", "carl": "bea"})
    number = escalating(looker)
    page = ask(looker, number)
    assert ticks(page) == ["user:max", "user:dora", f"user:{HOSTILE}", "role:Night watch"]
    text = text_of(page)
    assert "max manager of bea" in text
    assert "role Night watch asked next by the policy" in text
    managers["bea"] = "ida"
    assert "user:ida" not in ticks(ask(looker, number)), "she asked for these changes"
    managers["bea"] = "x\u202ey"
    assert len(ticks(ask(looker, number))) == 3, "nobody can have this name"


def test_what_is_ticked_is_asked(looker: Looker, managers: dict[str, str]) -> None:
    """By its very name, also one with commas and quotes; with what is typed next to it."""
    number = escalating(looker)
    looker.become(BEA, told={Approver("user", HOSTILE): KNOWN})
    page = ask(looker, number)
    assert "<img" not in page
    looker.post(
        f"/requests/{number}/reroute",
        {"preset": [f"user:{HOSTILE}", "role:Night watch"], "users": "erin", "roles": ""},
    )
    asked = {(each.kind, each.name) for each in looker.store.requests.get(number).assignees}
    assert {("user", HOSTILE), ("role", "Night watch"), ("user", "erin")} <= asked


def test_ticks_come_back_with_what_was_wrong(looker: Looker, managers: dict[str, str]) -> None:
    """Nothing that was chosen is lost when the form asks again."""
    number = escalating(looker)
    unknown = Standing(Known.NO)
    looker.become(BEA, told={Approver("user", "nemo"): unknown, Approver("user", "dora"): KNOWN})
    page = looker.post(f"/requests/{number}/reroute", {"preset": ["user:dora"], "users": "nemo"}, status=422)
    assert 'value="user:dora" checked' in page
    assert 'value="nemo"' in page
    for wrong in ("", "user:", "group:x", ":", "x"):
        text = looker.post(f"/requests/{number}/reroute", {"preset": [wrong]}, status=422)
        assert "Name at least one" in text


def test_only_names_that_airflow_knows(looker: Looker, managers: dict[str, str]) -> None:
    """What Airflow says that it does not know is not offered."""
    number = escalating(looker)
    managers["bea"] = "max"
    gone = {Approver("user", name): Standing(Known.NO) for name in ("max", HOSTILE)}
    looker.become(BEA, told=gone, known=(("dora", "erin", "bea", "<b>"), ("Admin", "Night watch")))
    page = ask(looker, number)
    assert ticks(page) == ["user:dora", "role:Night watch"]
    assert re.findall(r'<option value="([^"]*)"', page) == [
        "&lt;b&gt;",
        "dora",
        "erin",
        "Admin",
        "Night watch",
    ]


def test_who_may_not_send_it_on_learns_no_names(looker: Looker, managers: dict[str, str]) -> None:
    """Neither names of people nor whose manager is who."""
    managers["bea"] = "max"
    number = escalating(looker)
    looker.become(NOBODY, known=(("dora",), ("Admin",)))
    page = ask(looker, number)
    assert ticks(page) == []
    assert "<option" not in page


def test_a_people_directory_that_is_down_costs_the_page_nothing(
    looker: Looker, monkeypatch: pytest.MonkeyPatch, airflow_database: None
) -> None:
    """No manager is offered, whatever is wrong with the setting, the connection or the server."""
    prefix = "AIRFLOW__DIRECTORY_SYNC__PEOPLE"
    number = looker.made["pending"]
    assert "Manager</legend>" not in ask(looker, number)
    monkeypatch.setenv(f"{prefix}_CONNECTION", "nowhere")
    assert "Manager</legend>" not in ask(looker, number), "people_base is missing"
    monkeypatch.setenv(f"{prefix}_BASE", "ou=people,dc=head")
    assert "Manager</legend>" not in ask(looker, number), "there is no such connection"
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", "ldap://user:secret-of-it@127.0.0.1:9")
    page = ask(looker, number)
    assert "Manager</legend>" not in page
    assert "secret-of-it" not in page
