"""Steps of a job in the wizard: Details, Missing Records and Limits, Approval and Settings, Review."""

from __future__ import annotations

import pytest
from markupsafe import escape

from directory_sync.forms.form import completed
from directory_sync.forms.mapping_rows import rows_of
from directory_sync.forms.rewriting import data_of, rewrite
from tests.portal.pages_client import Looker, text_of
from tests.portal.test_pages_drafts import begin, draft_of
from tests.scenarios.browser_form import sent_by
from tests.scenarios.portal_pages import BEA
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")

HOSTILE = '<script>alert(1)</script>"\u202e'


def written(looker: Looker, text: str) -> str:
    """A draft with a text; its address."""
    address = begin(looker)
    number = draft_of(looker, address)[0]
    looker.post(f"{address}/yaml", {"number": str(number), "definition": text, "do": "save"})
    return address


def send(
    looker: Looker, address: str, step: str, *, do: str = "save", status: int = 303, **typed: str
) -> str:
    """Send a step as its page has it, with some inputs changed; `__` stands for a dot."""
    sent = sent_by(looker.get(f"{address}/{step}").split('<form id="step-form"')[1].split("</form>")[0])
    for name, value in typed.items():
        key = name.replace("__", ".")
        assert key in sent, sorted(sent)
        sent[key] = [value]
    return looker.post(f"{address}/{step}", {**sent, "do": do}, status=status)


@pytest.mark.parametrize("step", ["details", "endpoints", "mapping", "missing", "approval", "review"])
def test_a_step_that_is_sent_as_it_was_shown_changes_nothing(ada: Looker, step: str) -> None:
    """Next Step without typing anything leaves the text as it was, byte for byte."""
    text = definition("crew", title="Crew")
    address = written(ada, text)
    before = draft_of(ada, address)
    assert send(ada, address, f"jobs/1/{step}", do="next")
    assert draft_of(ada, address) == before


ODD = {
    "a": {"join": ["a"], "separator": "\n"},
    "b": {"join": [" a", "b"]},
    "c": {"join": ["", "b\r"]},
    "d": {"from": "x", "delimiter": "\r\n"},
    "e": {"map": "a", "values": {" x": "y"}},
    "f": {"map": "a", "values": {"x": "y\r"}},
    "g": {"from": "a\nb", "key": "yes"},
    "h": {"static": "\n two\n lines\n\n"},
    " i ": "x",
    "j\nk": "x",
    "l\r\nm": {"template": "{{ x }}", "new_only": "0"},
    "n": None,
    "o": ["x"],
    "p": {"from": "x", "static": "y"},
    "q": {"generate_password": {"length": "12"}},
    "r": {"substring": "x", "start": "-1"},
    "last": "1e3",
}


def test_lines_of_any_kind_stay_as_they_are(ada: Looker) -> None:
    """Line breaks, blanks at the ends and what the grid cannot show, as a browser sends them back."""
    text = rewrite("# odd\n", {"name": "x", "jobs": [{"name": "a", "fields": ODD}]})
    address = written(ada, text)
    send(ada, address, "jobs/1/mapping", do="save")
    assert draft_of(ada, address)[1] == text
    row = next(row for row in rows_of(ODD) if row.destination == "last")
    send(ada, address, "jobs/1/mapping", **{row.name("from").replace(".", "__"): "null"})
    assert data_of(draft_of(ada, address)[1])["jobs"][0]["fields"] == {**ODD, "last": "null"}


def test_edit_as_template_knows_a_line_by_its_new_name(ada: Looker) -> None:
    """Renamed and turned into a template at once."""
    fields = {"a": {"left": "x", "length": "2"}, "b": {"left": "y", "length": "3"}}
    address = written(ada, rewrite("", {"name": "x", "jobs": [{"name": "a", "fields": fields}]}))
    names = {"map__0__destination": "b", "map__1__destination": "c"}
    send(ada, address, "jobs/1/mapping", do="template:0", **names)
    assert data_of(draft_of(ada, address)[1])["jobs"][0]["fields"] == {
        "b": {"template": "{{ x[:2] }}"},
        "c": {"left": "y", "length": "3"},
    }


@pytest.mark.parametrize("job", ["null", "text", "[]", "{source: text}", "{source: [a]}", "{fields: text}"])
def test_a_job_that_is_none_has_steps(ada: Looker, job: str) -> None:
    """Nothing, a text or a list where a job or a part of it should be: no step fails, none changes it."""
    text = f"name: x\njobs: [{job}]\n"
    address = written(ada, text)
    for step in ("details", "endpoints", "mapping", "missing", "approval", "review"):
        send(ada, address, f"jobs/1/{step}")
        assert draft_of(ada, address)[1] == text
    typed = {"source-attribute": "cn", "source-operator": "is", "source-value": "x"}
    number = str(draft_of(ada, address)[0])
    is_kept = "source" in job
    typed |= {"number": number, "do": "condition:source"}
    ada.post(f"{address}/jobs/1/endpoints", typed, status=422 if is_kept else 303)
    after = data_of(draft_of(ada, address)[1])["jobs"][0]
    assert after == data_of(text)["jobs"][0] if is_kept else after["source"] == {"filter": "(cn=x)"}


def test_the_steps_lead_on_and_back(ada: Looker) -> None:
    """From Details to the list of jobs; each keeps what was typed."""
    address = written(ada, definition("crew"))
    assert send(ada, address, "jobs/1/details", do="next", details__description="One").endswith(
        "/jobs/1/endpoints"
    )
    assert send(ada, address, "jobs/1/missing", do="next", missing__missing_at_source="delete").endswith(
        "/jobs/1/approval"
    )
    assert send(ada, address, "jobs/1/approval", do="back", settings__retries="2").endswith("/jobs/1/missing")
    assert send(ada, address, "jobs/1/review", do="next").endswith(f"{address}/jobs")
    job = data_of(draft_of(ada, address)[1])["jobs"][0]
    assert (job["description"], job["missing_at_source"], job["retries"]) == ("One", "delete", "2")


def test_a_wrong_value_is_kept_and_told_at_its_field(ada: Looker) -> None:
    """Next Step stays; the list links to the input, which names its problem."""
    address = written(ada, definition("crew"))
    location = send(ada, address, "jobs/1/approval", do="next", settings__retries="many")
    assert location.endswith("/jobs/1/approval?checked=yes#problems")
    page = ada.get(f"{address}/jobs/1/approval?checked=yes")
    assert 'href="#field-settings-retries"' in page
    assert 'value="many"' in page
    assert 'aria-describedby="field-settings-retries-problem field-settings-retries-help"' in page


def test_a_job_template_is_chosen_and_given_up(ada: Looker) -> None:
    """Cards: a template, or Blank Job."""
    address = written(ada, definition("crew"))
    page = ada.get(f"{address}/jobs/1/details")
    assert "Blank Job" in page
    assert "sync gal" in text_of(page)
    send(ada, address, "jobs/1/details", template="sync_gal")
    assert list(data_of(draft_of(ada, address)[1])["jobs"][0])[:2] == ["name", "template"]
    send(ada, address, "jobs/1/details", template="")
    assert draft_of(ada, address)[1] == definition("crew")


def test_who_would_be_asked_today_is_told(ada: Looker) -> None:
    """The policy's people, and what Airflow knows of them."""
    address = written(ada, definition("crew"))
    assert "No one would be asked" in text_of(ada.get(f"{address}/jobs/1/approval"))
    before, policy = draft_of(ada, address), "approval.approval.ApprovalPolicy"
    typed = {"approval.approval": "ApprovalPolicy", f"{policy}.approvers.users.rows": "n0"}
    for name, said in {"": "as soon as the definition can be used", "bea": "would ask any of these"}.items():
        sent = {**typed, f"{policy}.approvers.users.n0": name}
        assert said in text_of(ada.post(f"{address}/jobs/1/approval/asked", sent, status=200))
    assert draft_of(ada, address) == before
    send(ada, address, "jobs/1/approval", approval__approval="ApprovalPolicy")
    send(ada, address, "jobs/1/approval", approval__approval__ApprovalPolicy__approvers__users__n0="bea")
    location = send(
        ada, address, "jobs/1/approval", do="add:approval.approval.ApprovalPolicy.approvers.users"
    )
    assert "more=approval.approval.ApprovalPolicy.approvers.users" in location
    page = ada.get(location.removeprefix("/dirsync"))
    assert 'name="approval.approval.ApprovalPolicy.approvers.users.n1"' in page
    said = text_of(page)
    assert "Each run would ask any of these" in said
    assert "bea" in said
    assert "Each run would ask any of these" in text_of(ada.get(f"{address}/jobs/1/review"))
    send(ada, address, "jobs/1/approval", do="remove:approval.approval.ApprovalPolicy.approvers.users.0")
    assert data_of(draft_of(ada, address)[1])["jobs"][0]["approval"] == {"approvers": None}


def test_limits_say_where_figures_are(ada: Looker) -> None:
    """Without a run there are none, and the page says what shows them."""
    address = written(ada, definition("crew"))
    assert "Preview shows" in text_of(ada.get(f"{address}/jobs/1/missing"))
    send(ada, address, "jobs/1/missing", limits__limits__delete="5%, 20")
    assert "delete: [5%, 20]" in draft_of(ada, address)[1]
    assert "delete 5% and 20" in text_of(ada.get(f"{address}/jobs/1/review"))


def test_hostile_names_are_shown_as_they_are(ada: Looker) -> None:
    """In every step: nothing that is typed becomes mark-up."""
    address = written(ada, definition("crew"))
    send(ada, address, "jobs/1/details", details__description=HOSTILE)
    send(ada, address, "jobs/1/approval", approval__approval="ApprovalPolicy")
    send(ada, address, "jobs/1/approval", approval__approval__ApprovalPolicy__approvers__users__n0=HOSTILE)
    for step in ("details", "missing", "approval", "review"):
        page = ada.get(f"{address}/jobs/1/{step}?checked=yes")
        assert "<script>alert" not in page
    assert str(escape(HOSTILE)) in ada.get(f"{address}/jobs/1/details")


def test_a_text_that_cannot_be_read_leads_to_the_yaml(ada: Looker) -> None:
    """The form says so; what is no job at all has a form with nothing in it."""
    address = written(ada, "name: crew\njobs: [x, y]\n")
    assert "Blank Job" in ada.get(f"{address}/jobs/2/details")
    assert send(ada, address, "jobs/2/details", details__name="people")
    assert data_of(draft_of(ada, address)[1])["jobs"] == ["x", {"name": "people"}]
    ada.get(f"{address}/jobs/3/details", status=404)


def test_no_one_else_sees_a_step(ada: Looker) -> None:
    """A draft is its owner's."""
    address = written(ada, definition("crew"))
    ada.become(BEA)
    for step in ("details", "missing", "approval", "review"):
        ada.get(f"{address}/jobs/1/{step}", status=404)


def test_same_names_are_mapped_to_a_file_that_is_not_there_yet(seer: Looker) -> None:
    """Each filled field of the source becomes a column, and what was typed stays; where the destination
    cannot be looked at, what was typed stays too.
    """
    people = {"connection": "lab", "container": "ou=people,dc=example,dc=org"}
    job = {"name": "people", "source": people, "destination": {"file": "new.csv"}, "fields": {}}
    address = written(seer, definition("crew", jobs=[job]))
    send(seer, address, "jobs/1/mapping", do="same", object="row")
    mapped = data_of(draft_of(seer, address)[1])["jobs"][0]
    assert mapped["object"] == "row"
    assert mapped["fields"] == {"cn": "cn", "ou": "ou", "sn": "sn"}

    gone = {**job, "destination": {"connection": "gone", "container": "dc=x"}}
    address = written(seer, definition("crew", jobs=[gone]))
    refused = send(seer, address, "jobs/1/mapping", do="same", status=404, object="contact")
    assert "Add it." in text_of(refused)
    assert data_of(draft_of(seer, address)[1])["jobs"][0]["object"] == "contact"


def test_a_wrong_line_of_a_table_is_refused_where_it_was_typed(ada: Looker) -> None:
    """Not taken as a code with an empty value: it stays as typed, and the step cannot be left behind."""
    typed = "KING = KI\nOrphanarium: OR"
    fields = {"uid": {"from": "id", "key": "true"}, "l": {"map": "school", "values": {"KING": "KI"}}}
    text = definition("crew")
    job = {**data_of(text)["jobs"][0], "fields": fields}
    address = written(ada, rewrite(text, {**data_of(text), "jobs": [job]}))
    to = send(ada, address, "jobs/1/mapping", do="next", map__1__values=typed)
    assert to.endswith("/jobs/1/mapping?checked=yes#problems")
    assert f"{job['name']}, Fields, l, Values" in text_of(ada.get(f"{address}/review"))
    page = ada.get(f"{address}/jobs/1/mapping?checked=yes")
    assert f">\n{typed}</textarea>" in page
    assert text_of(page).count("Line 2 has no") == 2
    assert 'href="#field-jobs-0-fields-1"' in page
    send(ada, address, "jobs/1/mapping", do="next", map__1__values="KING = KI\nOrphanarium = OR")
    assert data_of(draft_of(ada, address)[1])["jobs"][0]["fields"]["l"]["values"]["Orphanarium"] == "OR"


TWO_WAYS = """\
name: gal
template: two_way_gal_sync
jobs:
  - name: left_to_right  # the first
    source: {connection: a, container: "ou=x,dc=a"}
    destination: {connection: b, container: "ou=y,dc=b"}
"""


@pytest.mark.parametrize("step", ["jobs", "details", "duplicate"])
def test_a_job_by_another_name_keeps_what_the_template_of_its_collection_gives(
    ada: Looker, step: str
) -> None:
    """The template knows a job by its name: by another one it would give it nothing, without a word."""
    address = written(ada, TWO_WAYS)
    before = completed(draft_of(ada, address)[1])["jobs"][0]
    assert "fields" in before
    assert "filter" in before["source"]
    if step == "details":
        send(ada, address, "jobs/1/details", details__name="other")
    else:
        number = draft_of(ada, address)[0]
        typed = {"number": str(number), "job-1": "left_to_right", "enabled-1": "yes"}
        do = {"name-1": "other", "do": "save"} if step == "jobs" else {"do": "duplicate:1"}
        ada.post(f"{address}/jobs", {**typed, **do})
    text = draft_of(ada, address)[1]
    assert "# the first" in text
    jobs = completed(text)["jobs"]
    assert jobs[-1]["name"] != "left_to_right"
    assert all({**job, "name": "left_to_right"} == before for job in jobs)
