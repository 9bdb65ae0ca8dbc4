"""Forms of all definitions of this repository, rendered as pages do and sent back as browsers do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import judge
from directory_sync.definition.nodes import Path
from directory_sync.forms import rewriting
from directory_sync.forms.form import Form, ShownSection
from directory_sync.forms.rewriting import data_of
from directory_sync.forms.sections import OF_COLLECTION, OF_JOB
from directory_sync.forms.shown import Part
from directory_sync.portal.views.templating import environment
from tests.scenarios.browser_form import sent_by
from tests.scenarios.definition_texts import definition_texts
from tests.scenarios.definitions.notations import noted_definitions
from tests.scenarios.examples import examples

TEXTS = definition_texts()


@pytest.fixture(autouse=True)
def _never_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: Any) -> str:
        raise AssertionError("the layout is lost")

    monkeypatch.setattr(rewriting, "as_yaml", refuse)


def rendered(shown: ShownSection) -> str:
    template = environment().from_string('{% import "_form_macros.html" as f %}{{ f.section(shown) }}')
    return template.render(shown=shown)


def forms_of(text: str) -> list[Form]:
    data = data_of(text)
    forms = [Form(section, text) for section in OF_COLLECTION]
    jobs = data.get("jobs")
    for index in range(len(jobs) if isinstance(jobs, list) else 0):
        if isinstance(jobs[index], dict):
            forms += [Form(section, text, at=("jobs", index)) for section in OF_JOB]
    if "source" in data or "fields" in data:  # a job template
        forms += [Form(section, text) for section in OF_JOB]
    return forms


def test_there_are_definitions() -> None:
    """What the tests below go through is really found: in docs, files and tests."""
    assert len(TEXTS) > 60
    assert {place.split("/")[0] for place in TEXTS} >= {"docs", "src", "tests", "demo"}


@pytest.mark.parametrize("place", TEXTS)
def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(place: str) -> None:
    """Byte for byte, for each section of each definition, with and without problems shown."""
    text = TEXTS[place]
    problems = judge(Document("", text, "definition")).problems
    for form in forms_of(text):
        for shown in (form.shown(), form.shown(problems)):
            assert form.posted(sent_by(rendered(shown))) == text


PLACES = sorted(TEXTS)
TYPED = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=30
)


def leaves(part: Part) -> Iterator[Part]:
    """Single inputs that count."""
    inner = [each.part for each in part.parts] + [row.part for row in part.rows]
    inner += [each.part for each in part.variants if each.chosen and each.part is not None]
    if not inner and part.kind not in {"rows", "variants", "kept", "fixed", "ticks", "group"}:
        yield part
    for each in inner:
        yield from leaves(each)


def changed(data: Any, path: Path, value: Any) -> Any:
    """A copy of data with another value at a path; without it for None."""
    if not path:
        return value
    step = path[0]
    if isinstance(step, int):
        items = list(data) if isinstance(data, list) else []
        new = changed(items[step] if step < len(items) else None, path[1:], value)
        items[step : step + 1] = [] if new is None else [new]
        return items or None
    mapping = dict(data) if isinstance(data, dict) else {}
    new = changed(mapping.get(step), path[1:], value)
    if new is None:
        mapping.pop(step, None)
    else:
        mapping[step] = new
    return mapping or None


def is_converted(part: Part) -> bool:
    return part.name.startswith("schedule.schedule")


@settings(
    max_examples=examples(1000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(drawn=st.data(), typed=TYPED)
def test_what_is_typed_into_one_field_changes_that_field_only(drawn: st.DataObject, typed: str) -> None:
    """Whatever is typed: every other value stays, and so does every other line."""
    one_field_is_typed(drawn, typed, TEXTS[drawn.draw(st.sampled_from(PLACES))])


def one_field_is_typed(drawn: st.DataObject, typed: str, text: str) -> None:
    """Type into one input of one section of a definition, and look at what became of its text."""
    note(text)
    form = drawn.draw(st.sampled_from(forms_of(text)))
    shown = form.shown()
    inputs = [each for part in shown.parts for each in leaves(part.part) if not is_converted(each)]
    assume(inputs)
    leaf = drawn.draw(st.sampled_from(inputs))
    sent = sent_by(rendered(shown))
    if leaf.kind == "tick":
        typed = "" if leaf.value else "true"
        sent[leaf.name] = [typed] if typed else []
    elif leaf.kind == "choice":
        typed = drawn.draw(st.sampled_from(leaf.choices)).value
        sent[leaf.name] = [typed]
    else:
        sent[leaf.name] = [typed.replace("\n", "\r\n")]
    after = form.posted(sent)
    before, found = data_of(text), data_of(after)
    if typed == leaf.value:
        assert after == text
        return
    value: Any = typed.strip() if leaf.kind != "tick" else ("true" if typed else "false")
    if leaf.kind == "limit" and "," in value:
        value = [part.strip() for part in value.strip("[]").split(",")]
    if not value:
        return  # what is left out may take what holds it along, or leave the mark of its variant
    note(after)
    assert found == changed(before, leaf.place.path, value)
    if "&" in text:
        return  # what aliases share may have to be written out
    lines = list(difflib.ndiff(text.splitlines(), after.splitlines()))
    gone = [line for line in lines if line.startswith("- ")]
    assert len(gone) <= max(1, len(str(leaf.value).splitlines()) + 1)


@settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=examples(500),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(text=noted_definitions(), drawn=st.data(), typed=TYPED)
def test_any_notation_stays(text: str, drawn: st.DataObject, typed: str) -> None:
    """Sent as it was shown: byte for byte. With one field typed: that field only."""
    for form in forms_of(text):
        assert form.posted(sent_by(rendered(form.shown()))) == text
    one_field_is_typed(drawn, typed, text)
