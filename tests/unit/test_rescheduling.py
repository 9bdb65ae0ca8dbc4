"""Another schedule in the text of a definition."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.collections.rescheduling import TypedSchedule, rescheduled
from directory_sync.definition.documents import Document
from directory_sync.definition.export import dump
from directory_sync.definition.loading import Broken, judge, load_text
from directory_sync.definition.models import Collection, Every
from directory_sync.definition.templates import BUILT_IN
from tests.scenarios.definitions.generated import COLLECTIONS
from tests.scenarios.saved import text_of

JOBS = yaml.safe_dump({"jobs": yaml.safe_load(text_of())["jobs"]}, sort_keys=False)
NIGHTLY = TypedSchedule("0 2 * * *", "Europe/Berlin", "2026-01-31", "")


def changed(text: str, typed: TypedSchedule = NIGHTLY) -> str:
    """The text with another schedule."""
    return rescheduled(text, typed, BUILT_IN)


def test_the_rest_stays_as_it_was_written() -> None:
    """Comments, quotes and order; a key that is there changes in its lines, others come last."""
    start = "# The crew\nname:   'crew'  # short\nschedule:"
    text = f"{start}\n- '@daily'\n- {{every: 15m}}\n\n# Below\n{JOBS}# End\n"
    assert changed(text) == (
        f"{start} 0 2 * * *\n\n# Below\n{JOBS}# End\ntimezone: Europe/Berlin\nstart: '2026-01-31'\n"
    )


def test_what_is_not_changed_is_the_same_text() -> None:
    """Byte for byte."""
    text = f"name: crew\nschedule:   '@daily'\n{JOBS}"
    assert changed(text, TypedSchedule(" @daily \n\n", "", "", "")) == text


def test_several_lines_and_none() -> None:
    """A list, an interval, and only by hand."""
    text = f"name: crew\n{JOBS}"
    several = load_text(changed(text, TypedSchedule("@daily\nEVERY 15m\r\n", "", "", "")), "a").collection
    assert several.schedule == ["@daily", Every(every="15m")]
    again = changed(dump(several), TypedSchedule("", "UTC", "", ""))
    assert load_text(again, "a").collection.schedule is None


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(yaml.safe_load(f"name: crew\nschedule: '@daily'\n{JOBS}")),
        f"&a name: crew\n? schedule\n: '@daily'\n{JOBS}",
        f"name: crew\ndescription: &when '@daily'\nschedule: *when\n{JOBS}",
        f"name: crew\nschedule: &when '@daily'\ndescription: *when\n{JOBS}",
        f"---\nname: crew\r\nschedule: '@daily'\r\n{JOBS}...\n",
    ],
)
def test_odd_notations_mean_the_same_afterwards(text: str) -> None:
    """Where a text cannot be edited, it is written out."""
    before, after = load_text(text, "a").collection, load_text(changed(text), "a").collection
    assert TypedSchedule.of(after) == NIGHTLY
    keys = {"schedule": None, "timezone": "UTC", "start": None}
    assert before.model_copy(update=keys) == after.model_copy(update=keys)


@pytest.mark.parametrize(
    "typed",
    [
        TypedSchedule("@never", "", "", ""),
        TypedSchedule("* *", "", "", ""),
        TypedSchedule("every so often", "", "", ""),
        TypedSchedule("@daily", "Middle/Earth", "", ""),
        TypedSchedule("@daily", "", "tomorrow", ""),
        TypedSchedule("jobs: []", "{a: b}", "- x", "'"),
        TypedSchedule("\x00\x1b", "\u202e", "", ""),
        TypedSchedule("x" * 10_000, "", "", ""),
    ],
)
def test_what_is_wrong_stays_wrong(typed: TypedSchedule) -> None:
    """Nothing that is typed becomes another key, or is left out."""
    found = judge(Document("", changed(text_of("crew"), typed), "a"))
    assert isinstance(found, Broken)
    assert {re.split(r"\W", each.key)[0] for each in found.problems} <= {
        "schedule",
        "timezone",
        "start",
        "end",
        "",
    }


def test_a_broken_definition_stays_as_it_is() -> None:
    """There is nothing to change in it."""
    assert changed("name: crew\njobs: []\n") == "name: crew\njobs: []\n"


@given(COLLECTIONS, st.sampled_from(["", "@daily", "0 2 * * *\nevery 3h"]))
def test_any_collection_gets_another_schedule(definition: dict[str, Any], lines: str) -> None:
    """And is otherwise the same."""
    collection = Collection.model_validate(definition)
    typed = TypedSchedule(lines, "Asia/Tokyo", "", "")
    after = load_text(changed(dump(collection), typed), "a").collection
    assert TypedSchedule.of(after) == typed
    same = {key: getattr(collection, key) for key in ("schedule", "timezone", "start", "end")}
    assert after.model_copy(update=same) == collection
