"""What forms show of a definition, and what is written of what was typed."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded, judge
from directory_sync.errors import DefinitionError
from directory_sync.forms import sections
from directory_sync.forms.form import Form, completed
from directory_sync.forms.rewriting import data_of
from directory_sync.forms.sections import Section
from directory_sync.forms.shown import Part

TEXT = """\
name: staff
jobs:
  - name: people
    object: user
    source: {connection: corp, container: "OU=People,DC=corp"}
    destination: {connection: lab, container: "OU=People,DC=lab"}
    fields:
      cn: {from: cn, key: true}
"""
JOB = ("jobs", 0)


def sent(part: Part) -> dict[str, list[str]]:
    """What a browser sends of an input."""
    values: dict[str, list[str]] = {}
    if part.kind == "ticks":
        values[part.name] = sorted(part.values)
    elif part.kind == "variants":
        values[part.name] = [part.value]
    elif part.kind == "rows":
        values[f"{part.name}.rows"] = [row.id for row in part.rows]
    elif part.kind not in {"group", "fixed", "kept"} and (part.kind != "tick" or part.value):
        values[part.name] = [part.value]
    inner = [each.part for each in part.parts] + [row.part for row in part.rows]
    for each in inner + [variant.part for variant in part.variants if variant.part is not None]:
        values.update(sent(each))
    return values


def shown_as_sent(form: Form) -> dict[str, list[str]]:
    """What a browser sends of a form that was not changed."""
    values: dict[str, list[str]] = {}
    for each in form.shown().parts:
        values.update(sent(each.part))
    return values


def post(section: Section, text: str, at: tuple[str | int, ...] = (), **typed: str | list[str]) -> str:
    """The text after some inputs of a section got other values; `__` stands for a dot."""
    form = Form(section, text, at=at)
    values = shown_as_sent(form)
    for name, value in typed.items():
        key = name if name == "do" else f"{section.name}.{name.replace('__', '.')}"
        assert key == "do" or key in values, sorted(values)
        values[key] = value if isinstance(value, list) else [value]
    return form.posted(values)


def written(section: Section, text: str, at: tuple[str | int, ...] = (), **typed: str | list[str]) -> str:
    """The lines that are new."""
    before = text.splitlines()
    return "\n".join(line for line in post(section, text, at, **typed).splitlines() if line not in before)


def test_a_default_that_was_not_there_is_not_written() -> None:
    """Only what differs is written, next to what it belongs to."""
    assert post(sections.MISSING, TEXT, JOB, missing_at_destination="create") == TEXT
    assert (
        written(sections.MISSING, TEXT, JOB, missing_at_destination="skip")
        == "    missing_at_destination: skip"
    )


def test_a_default_that_was_there_stays_there() -> None:
    """Choosing the default again does not take a key away that someone has written."""
    text = f"{TEXT}    remove: all\n"
    assert written(sections.MISSING, text, JOB, remove="known") == "    remove: known"


def test_a_wrong_value_is_written_as_it_was_typed() -> None:
    """Nothing typed is lost, and the problem stands at its field."""
    text = post(sections.SETTINGS, TEXT, JOB, retries="many")
    assert data_of(text)["jobs"][0]["retries"] == "many"
    shown = Form(sections.SETTINGS, text, at=JOB).shown(judge(Document("", text, "x")).problems)
    assert shown.has_errors
    assert [link for _, link in shown.links] == ["field-settings-retries"]
    assert list(shown.problems) == ["settings.retries"]


def test_a_missing_key_is_a_problem_of_its_field() -> None:
    """Also where the mapping that lacks it is what the problem names."""
    text = TEXT.replace("connection: corp, ", "")
    shown = Form(sections.SOURCE, text, at=JOB).shown(judge(Document("", text, "x")).problems)
    assert list(shown.problems) == ["source.source.DirectorySource.connection"]


def test_an_emptied_text_is_left_out() -> None:
    """An optional key goes; a required one too, and then it is missing."""
    text = f"title: x\n{TEXT}"
    assert post(sections.DETAILS, text, title=" ") == TEXT
    assert "name" not in data_of(post(sections.DETAILS, TEXT, name=""))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ({"": "daily", "__daily__at": "2:30"}, 'schedule: "30 2 * * *"'),
        ({"": "every", "__every__every": "15m"}, "schedule: {every: 15m}"),
        ({"": "weekly", "__weekly__days": ["1", "5"], "__weekly__at": "18:00"}, 'schedule: "0 18 * * 1,5"'),
        ({"": "monthly", "__monthly__day": "15"}, 'schedule: "0 2 15 * *"'),
        ({"": "cron", "__cron__cron": "@hourly"}, 'schedule: "@hourly"'),
        ({"": "daily", "__daily__at": "noon"}, "schedule: daily at noon"),
        ({"": "daily", "__daily__at": "25:00"}, "schedule: daily at 25:00"),
        ({"": "monthly", "__monthly__day": "45"}, "schedule: monthly on 45 at 02:00"),
        ({"": "monthly", "__monthly__at": "2am"}, "schedule: monthly on 1 at 2am"),
        ({"": "weekly", "__weekly__days": [], "__weekly__at": "18:00"}, "schedule: weekly at 18:00"),
        ({"": "weekly", "__weekly__days": "2", "__weekly__at": "1:60"}, "schedule: weekly on 2 at 1:60"),
    ],
)
def test_schedules_are_written_as_people_write_them(typed: dict[str, Any], line: str) -> None:
    """Every, daily, weekly, monthly and cron; what is no time stays as it was typed."""
    given = {f"schedule__n0{name}": value for name, value in typed.items()}
    assert written(sections.SCHEDULE, TEXT, **given) == line
    # It comes back as the kind that was chosen where it is wrong, and stays as it is.
    text = post(sections.SCHEDULE, TEXT, **given)
    row = Form(sections.SCHEDULE, text).shown().parts[0].part.rows[0]
    assert row.part.value == typed[""]
    assert post(sections.SCHEDULE, text) == text


@pytest.mark.parametrize(
    ("kind", "emptied"),
    [("weekly", "days"), ("weekly", "at"), ("daily", "at"), ("monthly", "day"), ("every", "every")],
)
def test_an_emptied_part_of_a_schedule_is_an_error(kind: str, emptied: str) -> None:
    """It is not what stands there by default: a collection would run at a time that no one has chosen."""
    form = Form(sections.SCHEDULE, TEXT)
    name = "schedule.schedule.n0"
    values = {**shown_as_sent(form), name: [kind], f"{name}.{kind}.{emptied}": []}
    if emptied != "days":
        values[f"{name}.{kind}.{emptied}"] = [""]
    after = form.posted(values)
    assert after != TEXT
    assert not isinstance(judge(Document("", after, "definition")), Loaded)


def test_several_schedules_are_a_list_and_one_is_none() -> None:
    """A second one makes a list; the first keeps its spelling."""
    text = f'schedule: "@daily"\n{TEXT}'
    added = post(sections.SCHEDULE, text, schedule__n0="every")
    assert data_of(added)["schedule"] == ["@daily", {"every": "1h"}]
    assert data_of(post(sections.SCHEDULE, text, do="remove:schedule.schedule.0"))["schedule"] is None


def test_rows_are_added_and_removed() -> None:
    """An empty row is none; *Remove* takes one away, and *Add* asks for one more."""
    text = f"owners: [ida, max]\n{TEXT}"
    assert data_of(post(sections.DETAILS, text, owners__n0="eve"))["owners"] == ["ida", "max", "eve"]
    assert data_of(post(sections.DETAILS, text, do="remove:details.owners.0"))["owners"] == ["max"]
    assert Form.added({"do": ["add:details.owners"]}) == "details.owners"
    form = Form(sections.DETAILS, text)
    owners = [
        part.part for part in form.shown(more="details.owners").parts if part.part.name == "details.owners"
    ]
    assert [row.id for row in owners[0].rows] == ["0", "1", "n0", "n1"]


def test_another_shape_is_chosen() -> None:
    """A variant is kept by its mark while what it needs is still to be typed."""
    text = post(sections.APPROVAL, TEXT, JOB, approval="ApprovalPolicy")
    assert data_of(text)["jobs"][0]["approval"] == {"approvers": None}
    shown = Form(sections.APPROVAL, text, at=JOB).shown(judge(Document("", text, "x")).problems)
    assert shown.has_errors
    assert shown.parts[0].part.value == "ApprovalPolicy"
    named = post(sections.APPROVAL, text, JOB, approval__ApprovalPolicy__approvers__users__n0="ida")
    assert data_of(named)["jobs"][0]["approval"] == {"approvers": {"users": ["ida"]}}
    assert data_of(post(sections.APPROVAL, named, JOB, approval="none"))["jobs"][0]["approval"] == "none"
    assert "approval" not in data_of(post(sections.APPROVAL, named, JOB, approval=""))["jobs"][0]


def test_limits_are_numbers_percentages_or_both() -> None:
    """As people write them in a definition."""
    text = post(
        sections.LIMITS, TEXT, JOB, limits__delete="5", limits__update="10%, 200", limits__move="none"
    )
    assert data_of(text)["jobs"][0]["limits"] == {"update": ["10%", "200"], "delete": "5", "move": "none"}
    assert "limits: {update: [10%, 200], delete: 5, move: none}" in text


def test_what_must_be_chosen_cannot_be_none() -> None:
    """A job has a source and a destination: before they are chosen, no kind is."""
    for section in (sections.SOURCE, sections.DESTINATION):
        (shown,) = Form(section, "jobs: [{name: a}]\n", at=("jobs", 0)).shown().parts
        assert "" not in [each.key for each in shown.part.variants]
        assert not any(each.chosen for each in shown.part.variants)
    (shown, *_) = Form(sections.SCHEDULE, "name: a\n").shown().parts
    (row,) = shown.part.rows
    assert [each.key for each in row.part.variants if each.chosen] == [""]


def test_what_this_version_cannot_do_is_not_offered() -> None:
    """It is shown only where a definition has it."""

    def offered(text: str) -> list[str]:
        part = Form(sections.MISSING, text, at=JOB).shown().parts[1].part
        return [variant.key for variant in part.variants]

    assert offered(TEXT) == ["skip", "delete", "MoveMissing"]
    assert offered(f"{TEXT}    missing_at_source: disable\n") == ["skip", "delete", "MoveMissing", "disable"]
    source = Form(sections.SOURCE, TEXT, at=JOB).shown().parts[0].part
    assert [variant.key for variant in source.variants] == ["DirectorySource", "FileEndpoint"]


def test_a_key_that_counts_at_one_side_is_offered_there() -> None:
    """`mode` is of destinations, `filter` of a file of sources."""

    def keys(section: Section) -> set[str | int]:
        part = Form(section, TEXT, at=JOB).shown().parts[0].part
        file = next(variant.part for variant in part.variants if variant.key == "FileEndpoint")
        assert file is not None
        return {each.part.place.path[-1] for each in file.parts}

    assert keys(sections.SOURCE) - keys(sections.DESTINATION) == {"filter"}
    assert keys(sections.DESTINATION) - keys(sections.SOURCE) == {"mode"}


def test_what_a_template_gives_is_shown_and_not_written() -> None:
    """The form shows what counts; only what differs from the template gets into the text."""
    text = "name: staff\njobs:\n  - name: people\n    template: sync_gal\n"
    form = Form(sections.MISSING, text, at=JOB)
    gone = next(each.part for each in form.shown().parts if each.part.topic == "missing_at_source")
    assert gone.value == "delete"
    assert post(sections.MISSING, text, JOB) == text
    assert written(sections.MISSING, text, JOB, missing_at_source="skip") == "    missing_at_source: skip"
    assert written(sections.SOURCE, text, JOB, source__DirectorySource__connection="corp") == (
        "    source: {connection: corp}"
    )


def test_what_is_emptied_does_not_come_back_from_a_template() -> None:
    """An emptied input means nothing: not what the template gives, of which the page showed no trace."""
    text = "name: staff\njobs:\n  - name: people\n    template: sync_gal\n"
    assert written(sections.SOURCE, text, JOB, source__DirectorySource__filter="") == (
        "    source: {filter: null}"
    )
    own = f"{text}    source: {{connection: corp, filter: (cn=a)}}\n"
    after = post(sections.SOURCE, own, JOB, source__DirectorySource__filter="")
    assert completed(after, JOB)["source"] == {"connection": "corp", "filter": None}
    without = post(
        sections.SOURCE, own.replace("    template: sync_gal\n", ""), JOB, source__DirectorySource__filter=""
    )
    assert without.endswith("source: {connection: corp}\n")


class OneTemplate:
    """Gives limits, and a policy."""

    def names(self, kind: str) -> list[str]:
        """One job template."""
        return ["open"] if kind == "jobs" else []

    def get(self, kind: str, name: str) -> Document:
        """Its text."""
        text = "limits: {delete: none, create: 5}\napproval: {approvers: {users: [ann]}}\nretries: 3\n"
        return Document(name, text, kind)


def test_an_emptied_limit_is_never_the_one_of_a_template() -> None:
    """Least of all `none`: it is an error until the limit is said."""
    text = "name: staff\njobs:\n  - name: people\n    template: open\n    limits: {create: 7}\n"
    for section, typed in (
        (sections.LIMITS, {"limits.limits.delete": [""]}),
        (sections.LIMITS, {"limits.limits.delete": [""], "limits.limits.create": [""]}),
        (sections.APPROVAL, {"approval.approval": [""]}),
        (sections.SETTINGS, {"settings.retries": [""]}),
    ):
        form = Form(section, text, at=JOB, templates=OneTemplate())
        after = form.posted({**shown_as_sent(form), **typed})
        shown = shown_as_sent(Form(section, after, at=JOB, templates=OneTemplate()))
        assert {name: shown[name] for name in typed} == typed


def test_what_has_another_shape_is_kept() -> None:
    """A list where a text is expected cannot be shown, and stays."""
    text = TEXT.replace("name: staff", "name: staff\ntitle: [a, b]")
    assert Form(sections.DETAILS, text).shown().parts[1].part.kind == "kept"
    assert "title: [a, b]" in post(sections.DETAILS, text, description="new")


def test_hostile_values_are_kept_as_texts() -> None:
    """Whatever is typed is one text; a NUL is replaced, which no definition can hold."""
    typed = "<b>&amp; ${x}\0\x07 - *a: {"
    text = post(sections.DETAILS, TEXT, title=typed)
    assert data_of(text)["title"] == "<b>&amp; ${x}\ufffd\x07 - *a: {"


def test_a_text_that_cannot_be_read_has_no_form() -> None:
    """The page leads to the YAML then."""
    with pytest.raises(DefinitionError):
        Form(sections.DETAILS, "name: [")


def _required(part: Part) -> set[str]:
    inner = [each.part for each in part.parts] + [
        each.part for each in part.variants if each.part is not None
    ]
    return {each.part.key for each in part.parts if each.required}.union(*map(_required, inner))


def test_keys_of_what_may_be_left_out_are_required_only_where_it_is_there() -> None:
    """No mail is asked for of those who want no notifications."""
    policy = f"approval: {{approvers: {{users: [ida]}}}}\n{TEXT}"

    def required(section: Section, text: str) -> set[str]:
        [*parts] = Form(section, text).shown().parts
        return set().union(*(_required(each.part) for each in parts))

    assert required(sections.NOTIFICATIONS, TEXT) == set()
    some = f"notifications: {{to: [owners]}}\n{TEXT}"
    assert required(sections.NOTIFICATIONS, some) == {"notifications.when", "notifications.to"}
    assert "approval.approvers" in required(sections.COLLECTION_APPROVAL, policy)
    assert "approval.escalation.after" not in required(sections.COLLECTION_APPROVAL, policy)
    used = policy.replace("[ida]}", "[ida]}, escalation: {levels: [manager]}")
    assert "approval.escalation.after" in required(sections.COLLECTION_APPROVAL, used)
