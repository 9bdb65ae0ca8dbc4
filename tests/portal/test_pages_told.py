"""What pages and REST API tell: places, names of people, what a waiver needs, texts without mark-up."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from directory_sync.approval.people import Person
from directory_sync.approval.request import Request
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.model import RecordProblem
from directory_sync.portal import airflow_runs
from directory_sync.requests import decisions
from directory_sync.store.tables import ChangeRow, RequestRow
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, changes

STOPPED = {"dag_id": "stopped", "run_id": "manual__2026-11-24", "job": "people"}
CARL = Person("carl", frozenset({"Directory Approvers"}), verified=True)


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's audit log is not there."""
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)


def test_a_request_says_where_it_reads_and_writes(looker: Looker) -> None:
    """By connection and container, with the collection's title: on its page, in lists, and through the REST
    API.
    """
    number = looker.made["pending"]
    text = text_of(looker.get(f"/requests/{number}"))
    assert "Request 4: Staff to branch office" in text
    assert "From head: ou=people,dc=head to branch: ou=people,dc=branch." in text
    assert "Sourcehead: ou=people,dc=head" in text
    assert "Destinationbranch: ou=people,dc=branch" in text
    assert "ldap://branch.example:389" not in text
    listed = text_of(looker.get("/requests?list=inbox"))
    assert "Staff to branch office: head: ou=people,dc=head → branch: ou=people,dc=branch" in listed
    answer = looker.client.get(f"/dirsync/api/v1/requests/{number}").json()
    assert answer["request"]["title"] == "Staff to branch office"
    assert answer["request"]["source_text"] == "head: ou=people,dc=head"
    assert answer["request"]["destination_text"] == "branch: ou=people,dc=branch"
    assert answer["destination"] == "ldap://branch.example:389", "an identity, as before"


def test_files_are_named_as_they_are(looker: Looker) -> None:
    """A job from file to file."""
    run = looker.pages.run("manual__files")
    number = looker.pages.request(run, looker.pages.plan(run, changes(updates=1)[:1], job="phone_list"))
    assert "From staff.csv to phones.csv." in text_of(looker.get(f"/requests/{number}"))


def test_a_request_of_an_earlier_version_has_the_identity(looker: Looker) -> None:
    """Where nothing else is known of the place."""
    number = looker.made["pending"]
    with looker.store._database.write() as connection:
        connection.execute(update(RequestRow).values(title=None, source=None, destination=None))
    assert "Destinationldap://branch.example:389" in text_of(looker.get(f"/requests/{number}"))
    assert "→" not in text_of(looker.get("/requests?list=inbox"))


def _people() -> tuple[Change, ...]:
    def field(name: str, old: str, new: str) -> FieldChange:
        return FieldChange(name, (old.encode(),) if old else (), (new.encode(),) if new else ())

    return (
        Change(
            Action.UPDATE, "4711", "uid=4711,dc=branch", fields=(field("mail", "a", "b"),), name="Amy Wong"
        ),
        Change(
            Action.DELETE,
            "4712",
            "uid=4712,dc=branch",
            fields=(field("cn", "Zapp Brannigan", ""),),
            name="Zapp Brannigan",
        ),
        Change(Action.UPDATE, "4713", "uid=4713,dc=branch", fields=(field("mail", "a", "b"),)),
    )


@pytest.fixture
def named(looker: Looker) -> Request:
    """A request about people with a number as key."""
    run = looker.pages.run("manual__named", name="numbers")
    return looker.store.requests.get(looker.pages.request(run, looker.pages.plan(run, _people()))).request


def test_people_are_called_by_their_names(looker: Looker, named: Request) -> None:
    """With the key behind it; also where an update does not touch the name; found by it too."""
    page = looker.get(f"/requests/{named.id}")
    assert "<h3><bdi>Amy Wong</bdi></h3>" in page
    assert "<h3><bdi>Zapp Brannigan</bdi></h3>" in page
    assert "<h3><bdi>4713</bdi></h3>" in page
    assert "Amy Wong 4711" in text_of(page)
    answer = looker.client.get(f"/dirsync/api/v1/requests/{named.id}/changes").json()["changes"]
    assert {each["key"]: each["name"] for each in answer} == {
        "4711": "Amy Wong",
        "4712": "Zapp Brannigan",
        "4713": "",
    }
    assert looker.get(f"/requests/{named.id}?search=amy+w").count('<li class="change ') == 1
    assert looker.get("/requests?list=inbox&object=zapp+brannigan").count('class="title"') == 1
    assert "Amy Wong" in looker.get(f"/requests/{named.id}/changes/0")


def test_names_of_earlier_plans_are_told_from_their_values(looker: Looker, named: Request) -> None:
    """They were not kept then: a deletion lists them, an update of something else does not."""
    with looker.store._database.write() as connection:
        connection.execute(update(ChangeRow).values(name=None))
    answer = looker.client.get(f"/dirsync/api/v1/requests/{named.id}/changes").json()["changes"]
    assert {each["key"]: each["name"] for each in answer} == {
        "4711": "",
        "4712": "Zapp Brannigan",
        "4713": "",
    }


# -- waivers -------------------------------------------------------------------------------------------------


@pytest.fixture
def waiver(looker: Looker) -> Request:
    """A waiver that ada asked for, of a run that ida has started."""
    looker.become(ADA)
    looker.post("/embed/waiver", {**STOPPED, "reason": "The office was closed."})
    looker.become(BEA)
    run = looker.store.runs.find("stopped", "manual__2026-11-24")
    assert run is not None
    filed = looker.store.requests.of_run(run.id, "people")
    assert filed is not None
    return filed


NEEDS = (
    "An approval writes nothing by itself: the next run of the job that makes exactly this plan applies it,"
    " within 7 days of the approval. The schedule may start that run, or anyone who has not approved this."
)


def test_a_waiver_says_before_what_it_needs(looker: Looker, waiver: Request) -> None:
    """In the dialog that asks for it, on its page, and in the dialog before the decision, which promises
    nothing else.
    """
    looker.store.filing.mark_stale("stopped", "people", reason="again")
    assert NEEDS in text_of(looker.get(f"/embed/waiver?{urlencode(STOPPED)}"))
    looker.post("/embed/waiver", {**STOPPED, "reason": "Again."})
    number = waiver.id + 1
    looker.become(Person("admin", frozenset({"admin", "Admin"}), verified=True))
    assert NEEDS in text_of(looker.get(f"/requests/{number}"))
    question = text_of(looker.get(f"/requests/{number}/ask?do=approve", part=True))
    assert NEEDS in question
    assert "Exactly these changes will be made" not in question


def test_a_waiver_says_afterwards_what_it_needs(looker: Looker, waiver: Request) -> None:
    """On its page and in the message: until when, and who may not start the run; after that time it says that
    it is over.
    """
    admin = Person("root", frozenset({"admin"}), verified=True)
    looker.become(admin)
    address = looker.post(f"/requests/{waiver.id}/approve", {"digest": waiver.digest, "reason": ""})
    text = text_of(looker.get(address.removeprefix("/dirsync")))
    assert "You have approved the waiver. Nothing is written before a later run uses it" in text
    approved = looker.store.requests.get(waiver.id).request
    assert approved.decided is not None
    until = f"{approved.decided + timedelta(days=7):%Y-%m-%d %H:%M} UTC"
    assert (
        f"Nothing is written yet. The next run of the job that makes exactly this plan applies it, by {until}"
        in text
    )
    assert "the schedule may start that run, or someone other than root" in text
    answer = looker.client.get(f"/dirsync/api/v1/requests/{waiver.id}").json()["request"]
    assert answer["waiver"]
    assert answer["usable_until"].startswith(f"{approved.decided + timedelta(days=7):%Y-%m-%dT%H:%M}")
    with looker.store._database.write() as connection:
        late = approved.decided - timedelta(days=8)
        connection.execute(update(RequestRow).where(RequestRow.id == waiver.id).values(decided=late))
    assert "No run has used it within 7 days, so it counts no longer" in text_of(
        looker.get(f"/requests/{waiver.id}")
    )


def test_a_waivers_reason_is_its_own(looker: Looker, waiver: Request) -> None:
    """Not that of the run that was stopped; and who asks is not who has started that run."""
    looker.become(ADA)
    text = text_of(looker.get(f"/requests/{waiver.id}"))
    assert "Asked for byada ReasonThe office was closed. Run started byida" in text.replace(" ida", "ida")
    assert "New people from the merger" not in text
    row = text_of(looker.get("/requests?list=all&collection=stopped"))
    assert "The office was closed." in row
    assert re.search(r"ada ?\d{4}-\d\d-\d\d", row)
    answer = looker.client.get(f"/dirsync/api/v1/requests/{waiver.id}").json()
    assert (answer["request"]["asked_by"], answer["request"]["reason"]) == ("ada", "The office was closed.")
    assert answer["request"]["requester"] == "ida"
    assert answer["events"][0]["text"] == "The office was closed."


# -- texts ---------------------------------------------------------------------------------------------------

LINES = "first line\nsecond line"


def test_lines_of_messages_are_lines(looker: Looker) -> None:
    """No page spells out a line break of a message, reason, description, warning, problem or result."""
    run = looker.pages.run("manual__lines", name="lines", reason=LINES)
    plan_id = looker.pages.plan(
        run, _people(), warnings=(LINES,), problems=(RecordProblem("k", "o", LINES),), message=LINES
    )
    number = looker.pages.request(run, plan_id)
    decisions.comment(looker.store, number, BEA, LINES)
    for path in (
        f"/requests/{number}",
        "/requests?list=inbox",
        "/embed/run?dag_id=lines&run_id=manual__lines",
        "/embed/ti?dag_id=lines&run_id=manual__lines&task_id=people",
    ):
        page = looker.get(path)
        assert ">\\n<" not in page.replace('<span class="spelled">\\n</span>, stands', ""), path
        assert "first line" in page, path
    decisions.deny(looker.store, number, CARL, digest=looker.pages.digest(number), reason=LINES)
    page = looker.post(f"/requests/{number}/approve", {"digest": looker.pages.digest(number)}, status=409)
    assert ">\\n<" not in page.replace('<span class="spelled">\\n</span>, stands', "")
