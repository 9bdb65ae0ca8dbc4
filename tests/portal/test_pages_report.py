"""The report of a run and of one job: on a page, and as files."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import changes

RUN = "manual__2026-12-01"
PATH = f"/runs/staff_to_branch/{RUN}/report"


def run_with_two_plans(looker: Looker) -> dict[str, int]:
    """Two jobs that wrote, one of which could not write everything; their plans by job."""
    run = looker.pages.run(RUN)
    crew = [
        Change(
            Action.UPDATE,
            f"crew{number}",
            f"cn=crew{number},ou=groups,dc=x",
            fields=(FieldChange("description", (b"old",), (b"=new",)),),
        )
        for number in range(3)
    ]
    plans = {
        "people": looker.pages.plan(run, changes(updates=4), state="conflicts"),
        "groups": looker.pages.plan(run, crew, job="groups", state="success"),
    }
    looker.store.plans.record_outcomes(
        plans["people"], [Outcome(0, Result.DONE), Outcome(1, Result.CONFLICT, "mail has changed since.")]
    )
    return plans


@pytest.fixture(autouse=True)
def _long_fields() -> Iterator[None]:
    """One of the values is longer than the reader of these tests takes by itself."""
    limit = csv.field_size_limit(1 << 30)
    yield
    csv.field_size_limit(limit)


def rows_of(looker: Looker, **query: Any) -> list[dict[str, str]]:
    """The report as CSV."""
    answer = looker.client.get(f"/dirsync/api/v1{PATH}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_a_report_shows_all_jobs_and_one(looker: Looker) -> None:
    """Patterns and changes of each job; one alone with `job`; links between the pages of the run."""
    plans = run_with_two_plans(looker)
    page = looker.get(PATH)
    text = text_of(page)
    total = sum(looker.store.plan_pages.head(plan).changes for plan in plans.values())
    assert f"{total} changes" in text
    assert "conflicts" in text
    assert "succeeded" in text
    assert page.count('<li class="change ') == total
    assert "mail has changed since." in text
    alone = looker.get(f"{PATH}?job=groups")
    assert alone.count('<li class="change ') == 3
    assert "crew1" in alone
    for name in ("report", "log", "comparison"):
        assert f'href="/dirsync/runs/staff_to_branch/{RUN}/{name}"' in page
    tab = looker.get(f"/embed/run?{urlencode({'dag_id': 'staff_to_branch', 'run_id': RUN})}")
    assert f'href="/plugin/dirsync/dirsync/runs/staff_to_branch/{RUN}/report" data-airflow' in tab


def test_filters_of_a_report_are_in_the_address(looker: Looker) -> None:
    """Kind, outcome, field, search and pattern; what is shown is what the file holds."""
    run_with_two_plans(looker)
    cases: list[dict[str, Any]] = [
        {"action": "update"},
        {"result": "conflict"},
        {"result": "open"},
        {"field": "description"},
        {"search": "crew2"},
        {"job": "groups", "pattern": 1},
        {"job": "people", "action": "delete", "order": "plan"},
    ]
    for query in cases:
        page = looker.get(f"{PATH}?{urlencode(query)}")
        shown = page.count('<li class="change ')
        rows = rows_of(looker, **query)
        assert len({(row["job"], row["object"]) for row in rows}) == shown, query
        assert shown
        assert "Clear all filters" in page
    link = re.search(r'href="([^"]*format=xlsx[^"]*)"', looker.get(f"{PATH}?field=description&job=groups"))
    assert link is not None
    assert "job=groups" in link[1]
    assert "field=description" in link[1]
    assert "No change matches" in looker.get(f"{PATH}?search=nothing-like-that")


def test_pages_of_a_report_follow_each_other(looker: Looker) -> None:
    """Across jobs, each change once, whichever way they are ordered."""
    plans = run_with_two_plans(looker)
    total = sum(looker.store.plan_pages.head(plan).changes for plan in plans.values())
    for order in ("consequence", "plan"):
        for limit in (1, 2, 3, 100):
            address, seen = f"{PATH}?limit={limit}&order={order}", 0
            for _ in range(total + 1):
                page = looker.get(address)
                seen += page.count('<li class="change ')
                following = re.search(r'rel="next" href="/dirsync([^"#]*)#changes"', page)
                if following is None:
                    break
                address = f"{following[1].replace('&amp;', '&')}&limit={limit}"
            assert seen == total, (order, limit)


def test_a_report_as_json(looker: Looker) -> None:
    """Page by page the same changes as in the files, with what became of each, whatever is asked for."""
    plans = run_with_two_plans(looker)
    address = f"/dirsync/api/v1{PATH.removesuffix('report')}changes"
    for query in ({}, {"job": "groups"}, {"result": "conflict"}, {"search": "crew2"}, {"action": "update"}):
        expected = {
            (row["job"], row["object"], row["result"], row["message"]) for row in rows_of(looker, **query)
        }
        for limit, order in ((1, "plan"), (2, "consequence"), (100, "consequence")):
            found: list[dict[str, Any]] = []
            more: dict[str, Any] = {}
            for _ in range(len(expected)):
                answer = looker.client.get(
                    address, params={**query, **more, "limit": limit, "order": order}
                ).json()
                assert len(answer["changes"]) <= limit
                found += answer["changes"]
                if answer["next_job"] is None:
                    break
                more = {"at": answer["next_job"]}
                more |= {} if answer["next"] is None else {"after": answer["next"]}
            seen = [(each["job"], each["object"], each["result"] or "", each["message"]) for each in found]
            assert len(seen) == len(set(seen)) == answer["total"]
            assert set(seen) == expected
            assert all(each["plan"] == plans[each["job"]] for each in found)
            assert answer["integrity"] == "intact"
            told = {each["job"]: (each["plan"], each["changes"]) for each in answer["jobs"]}
            assert told == {
                job: (plan, looker.store.plan_pages.head(plan).changes)
                for job, plan in plans.items()
                if query.get("job") in (None, job)
            }
    assert looker.client.get(address, params={"colour": "red"}).status_code == 422
    assert looker.client.get(address, params={"pattern": "1"}).status_code == 422
    looker.pages.run("manual__empty")
    empty = looker.client.get(address.replace(RUN, "manual__empty")).json()
    assert (empty["jobs"], empty["changes"], empty["total"], empty["next_job"]) == ([], [], 0, None)


def test_a_report_as_files(looker: Looker) -> None:
    """CSV, Excel and LDIF of all jobs; formulas and secrets are in none."""
    run_with_two_plans(looker)
    rows = rows_of(looker)
    assert {row["job"] for row in rows} == {"people", "groups"}
    assert {row["new"] for row in rows if row["job"] == "groups"} == {"'=new"}
    answer = looker.client.get(f"/dirsync/api/v1{PATH}?format=xlsx")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == len(rows) + 1
    assert "=new</t>" in sheet
    assert "<f>" not in sheet
    ldif = looker.client.get(f"/dirsync/api/v1{PATH}?format=ldif&job=groups").text
    assert ldif.startswith("version: 1\n")
    assert ldif.count("changetype: modify") == 3
    both = looker.client.get(f"/dirsync/api/v1{PATH}?format=ldif&search=crew2").text
    assert both.count("version: 1") == 1
    assert "only the changes that the filter of the report lets through" in both


def test_a_report_of_nothing(looker: Looker) -> None:
    """A run without a plan, a job that there is not, and a run that is hidden."""
    looker.pages.run("manual__empty")
    path = "/runs/staff_to_branch/manual__empty/report"
    assert "No job has made a plan" in text_of(looker.get(path))
    answer = looker.client.get(f"/dirsync/api/v1{path}")
    assert (answer.status_code, answer.text.count("\n")) == (200, 1)
    assert looker.client.get(f"/dirsync/api/v1{path}?format=ldif").status_code == 409
    for query in ("job=nobody", "pattern=1", "at=nobody"):
        assert looker.client.get(f"/dirsync{path}?{query}").status_code == 422, query
    assert looker.client.get(f"/dirsync/api/v1{path}?format=pdf").status_code == 422
    assert looker.client.get(f"/dirsync/api/v1{path}?fild=mail").status_code == 422
    looker.become(looker.pages.person, hidden=frozenset({"staff_to_branch"}))
    looker.get(path, status=404)
    assert looker.client.get(f"/dirsync/api/v1{path}").status_code == 404
