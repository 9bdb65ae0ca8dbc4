"""Changes by pattern on pages and in the REST API."""

from __future__ import annotations

import html
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.key_order import KeyOrder, LastKey
from directory_sync.plan.model import PlanEvidence
from directory_sync.store import plan_patterns
from directory_sync.store.tables import PlanPatternsRow
from tests.portal.pages_client import Looker
from tests.scenarios.evidence import evidence_of
from tests.scenarios.portal_pages import Pages

HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J"


def changes() -> list[Change]:
    """Harmless edits of 60 people, a new surname of three, and four deletions."""
    made = []
    for number in range(60):
        city = FieldChange("l", (b"Hamburg",), (HOSTILE.encode(),))
        made.append(Change(Action.UPDATE, f"l{number}", f"uid=l{number},ou=p,dc=x", fields=(city,)))
    for number in range(3):
        name = FieldChange("sn", (b"a%d" % number,), (b"b%d" % (number * 5),))
        object = f"uid=s{number},ou=p,dc=x"
        made.append(Change(Action.UPDATE, f"s{number}", object, fields=(name,), name=f"Surname {number}"))
    made += [Change(Action.DELETE, f"d{number}", f"uid=d{number},ou=old,dc=x") for number in range(4)]
    random.Random(3).shuffle(made)
    return made


@pytest.fixture
def pages(empty_looker: Looker) -> Pages:
    return empty_looker.pages


@pytest.fixture
def client(empty_looker: Looker) -> Any:
    return empty_looker.client


@pytest.fixture
def number(pages: Pages) -> int:
    """A request for those changes."""
    run = pages.run("run 1")
    return pages.request(run, pages.plan(run, changes()))


def rows(page: str) -> list[list[str]]:
    """The cells of the table of patterns, as text."""
    table = re.search(r'<table class="list patterns">(.*?)</table>', page, re.DOTALL)
    assert table is not None
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", table[1].partition("<tbody>")[2], re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[" ".join(html.unescape(re.sub("<[^>]+>", "", cell)).split()) for cell in row] for row in cells]


def test_a_request_shows_its_patterns_first(client: Any, number: int) -> None:
    """Removals, then new names, then the many; whom for example; hostile values do no harm."""
    page = client.get(f"/dirsync/requests/{number}").text
    found = rows(page)
    assert [row[1] for row in found] == ["4 people", "3 people", "60 people"]
    assert found[0][0].startswith("deleted")
    assert "all in ou=old,dc=x" in found[0][0]
    assert found[1][0] == "sn replaced"
    assert "Surname" in found[1][2]
    assert "<script>" not in page
    assert page.index('class="list patterns"') < page.index('class="search"')


def test_a_line_opens_into_its_objects(client: Any, number: int) -> None:
    """An address shows the changes of one line, without JavaScript; searching and paging stay among them."""
    page = client.get(f"/dirsync/requests/{number}").text
    (address,) = [each for each in re.findall(r'href="([^"]*pattern=[^"]*)"', page) if "pattern=2#" in each]
    opened = client.get(html.unescape(address)).text
    assert "3 of 67 changes match" in opened
    assert '<input type="hidden" name="pattern" value="2">' in opened
    assert "Surname 0" in opened
    assert "Surname 0" in client.get(f"/dirsync/requests/{number}?pattern=2&search=b0").text
    assert "0 of 67 changes match" in client.get(f"/dirsync/requests/{number}?pattern=2&search=l0").text
    more = client.get(f"/dirsync/requests/{number}?pattern=3&limit=50").text
    assert re.search(r'href="[^"]*pattern=3&amp;after=', more)


def test_the_api_gives_patterns(client: Any, number: int) -> None:
    """Lines add up to all changes, each with what it takes to show its changes; a job's plan has the same."""
    answer = client.get(f"/dirsync/api/v1/requests/{number}/patterns").json()
    assert (answer["known"], answer["total"], answer["other"]) == (True, 67, None)
    assert sum(line["count"] for line in answer["lines"]) == 67
    line = answer["lines"][1]
    assert (line["text"], line["identifying"], line["removal"]) == ("sn replaced, 3 people", True, False)
    for each in answer["lines"]:
        params = {"pattern": each["pattern"]}
        shown = client.get(f"/dirsync/api/v1/requests/{number}/changes", params=params).json()
        assert shown["total"] == each["count"]
        assert {change["action"] for change in shown["changes"]} == {each["action"]}
    assert client.get("/dirsync/api/v1/plans/1/patterns").json() == answer
    wrong = client.get(f"/dirsync/api/v1/requests/{number}/changes?pattern=51")
    assert wrong.status_code == 422
    assert "from 0 to 50" in wrong.text


def test_removals_after_the_end_of_the_source(pages: Pages, client: Any) -> None:
    """Page and REST API say where in the source they would stand."""
    last = LastKey("c9", 8038, 8039, (KeyOrder.TEXT,))
    evidence = PlanEvidence(replace(evidence_of(), last=last), evidence_of())
    run = pages.run("run 1")
    number = pages.request(run, pages.plan(run, changes(), evidence=evidence))
    assert "all after line 8,039 of the file" in rows(client.get(f"/dirsync/requests/{number}").text)[0][0]
    line = client.get(f"/dirsync/api/v1/requests/{number}/patterns").json()["lines"][0]
    place, container = line["common"]
    assert place == {
        "kind": "place",
        "subject": "ou=people,dc=ship",
        "value": None,
        "count": 4,
        "of": 4,
        "line": 8039,
        "number": 8038,
    }
    assert (container["kind"], container["line"], container["number"]) == ("container", 0, 0)


def test_plans_of_earlier_versions(
    pages: Pages, client: Any, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not known is said, and asking for one of its lines is an error."""
    with pages.store._database.write() as connection:
        connection.execute(delete(PlanPatternsRow))
    assert len(rows(client.get(f"/dirsync/requests/{number}").text)) == 3
    monkeypatch.setattr(plan_patterns, "WORKED_OUT", 10)
    page = client.get(f"/dirsync/requests/{number}").text
    assert "stored by an earlier version" in page
    assert client.get(f"/dirsync/api/v1/requests/{number}/patterns").json()["known"] is False
    assert client.get(f"/dirsync/api/v1/requests/{number}/changes?pattern=1").status_code == 422


def test_altered_patterns_are_not_shown(pages: Pages, client: Any, number: int) -> None:
    """The page says that the plan was altered, and shows none of them."""
    with pages.store._database.write() as connection:
        connection.exec_driver_sql("UPDATE directory_sync_plan_patterns SET seal = 'other'")
    page = client.get(f"/dirsync/requests/{number}").text
    assert 'class="list patterns"' not in page
    assert "altered" in page
    assert client.get(f"/dirsync/api/v1/requests/{number}/patterns").status_code == 409
