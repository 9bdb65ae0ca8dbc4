"""*Schedule* on the page of a saved collection."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from directory_sync.definition.loading import load_text
from directory_sync.portal.airflow_firings import next_firings
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, IDA
from tests.scenarios.saved import OWEN
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of collections."""
    found = tmp_path / "collections"
    found.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(found))
    return found


@pytest.fixture
def crew(empty_looker: Looker) -> Looker:
    """A saved collection, and an administrator who looks."""
    text = f"# Kept as it was written.\n{definition('crew', owners=['owen'], schedule='@daily')}"
    empty_looker.store.collections.save("crew", text, expected=0, by=ADA)
    empty_looker.become(ADA)
    return empty_looker


FORM = {"expected": "1", "schedule": "30 2 * * 1", "timezone": "Europe/Berlin", "start": "", "end": ""}


def test_a_schedule_is_changed_as_a_version(crew: Looker) -> None:
    """The text stays as it was written, but for its keys; the version says what happened."""
    for path in ("/collections", "/collections/crew"):
        assert "/collections/crew/schedule" in crew.get(path)
    page = crew.get("/collections/crew/schedule")
    assert ">@daily</textarea>" in page
    assert "at 00:00" in text_of(page)
    assert page.count("<li>") >= 5
    to = crew.post("/collections/crew/schedule", FORM | {"comment": "weekly is enough", "do": "save"})
    assert to.endswith("/collections/crew?said=collection-saved")
    version = crew.store.collections.get("crew")
    assert version is not None
    assert version.text.startswith("# Kept as it was written.\nname: crew\n")
    assert (version.number, version.comment, version.saved_by) == (2, "weekly is enough", "ada")
    collection = load_text(version.text, "a").collection
    assert (collection.schedule, collection.timezone) == ("30 2 * * 1", "Europe/Berlin")
    assert "only on Monday (Europe/Berlin)" in text_of(crew.get("/collections/crew"))


def test_check_saves_nothing_and_says_what_is_meant(crew: Looker) -> None:
    """In words, with the next five firings; as a part for the dialog too."""
    page = crew.post("/collections/crew/schedule", FORM | {"do": "check"}, status=200)
    assert "at 02:30, only on Monday (Europe/Berlin)" in text_of(page)
    assert page.count("02:30 <bdi>Europe/Berlin</bdi>") == 5
    assert "once it is switched on" in text_of(page)
    assert crew.store.collections.newest_revision() == 1
    part = crew.get("/collections/crew/schedule", part=True)
    assert part.lstrip().startswith('<div class="ask">')


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ({"schedule": "@never"}, "schedule"),
        ({"schedule": "99 * * * *"}, "schedule"),
        ({"timezone": "Middle/Earth"}, "timezone"),
        ({"start": "<script>"}, "start"),
        ({"end": "yesterday"}, "end"),
    ],
)
@pytest.mark.parametrize("do", ["check", "save"])
def test_what_is_wrong_is_told_and_stays_typed(
    crew: Looker, typed: dict[str, str], key: str, do: str
) -> None:
    """Nothing is saved. htmx shows no answer that is an error, so a check is answered as usual."""
    form = FORM | typed | {"comment": "why not", "do": do}
    page = crew.post("/collections/crew/schedule", form, status=200 if do == "check" else 422)
    assert f"<code><bdi>{key}</bdi></code>" in page
    assert 'value="why not"' in page
    assert "<script>" not in page
    assert crew.store.collections.newest_revision() == 1


def test_another_person_s_version_is_not_overwritten(crew: Looker) -> None:
    """The form knows which version was seen."""
    crew.store.collections.save("crew", definition("crew", title="New"), expected=1, by=IDA)
    page = crew.post("/collections/crew/schedule", FORM, status=409)
    assert "ida has saved" in text_of(page)
    assert "30 2 * * 1" in page


def test_who_may_change_it(crew: Looker, folder: Path) -> None:
    """People who may edit it, owners among them; one in a file is changed there."""
    crew.become(BEA)
    crew.get("/collections/crew/schedule", status=403)
    crew.post("/collections/crew/schedule", FORM, status=403)
    assert "/schedule" not in crew.get("/collections/crew")
    crew.become(OWEN)
    crew.post("/collections/crew/schedule", FORM)
    crew.become(ADA)
    (folder / "in_file.yaml").write_text(definition("in_file"), encoding="utf-8")
    assert "kept in a file" in text_of(crew.get("/collections/in_file/schedule", status=403))
    crew.store.collections.save("broken", "name: broken\njobs: []\n", expected=0, by=ADA)
    assert "Correct it first" in text_of(crew.get("/collections/broken/schedule", status=403))


def test_next_firings_follow_the_clocks_and_end() -> None:
    """Summer time, intervals, two schedules at one moment, a start and an end."""

    def firings(count: int = 3, **keys: object) -> list[str]:
        collection = load_text(definition("crew", **keys), "a").collection
        after = datetime(2026, 3, 28, 0, 0, tzinfo=UTC)
        return [f"{each:%d %H:%M}" for each in next_firings(collection, after, count)]

    assert firings(schedule="0 5 * * *", timezone="Europe/Berlin") == ["28 05:00", "29 05:00", "30 05:00"]
    assert firings(schedule=["@daily", {"every": "12h"}]) == ["28 00:00", "28 12:00", "29 00:00"]
    few = firings(schedule="@daily", start="2026-03-30", end="2026-03-31", count=9)
    assert few == ["30 00:00", "31 00:00"]
    assert firings() == []
    late = load_text(definition("crew", schedule="@daily", end="2026-01-01"), "a").collection
    assert next_firings(late, datetime(2026, 3, 1, tzinfo=UTC), 5) == ()
    zone = ZoneInfo("Asia/Tokyo")
    there = load_text(definition("crew", schedule="@daily", timezone="Asia/Tokyo"), "a").collection
    assert next_firings(there, datetime(2026, 3, 1, tzinfo=UTC), 1)[0] == datetime(2026, 3, 2, tzinfo=zone)
