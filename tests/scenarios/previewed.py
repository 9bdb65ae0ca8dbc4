"""Previews of a collection that copies rows from one file to another, asked and answered without Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from directory_sync.approval.people import Person
from directory_sync.run.deployment import Deployment
from directory_sync.run.preview_answer import answer
from directory_sync.store.preview_model import PreviewState, Question, QuestionKind
from directory_sync.store.store import Store
from tests.scenarios.no_connections import NoConnections

ADA = Person("ada", frozenset({"Admin"}), verified=True)
NO_LIMITS = dict.fromkeys(("delete", "clear", "members", "move"), "none")


def definition(name: str = "phones", *, jobs: Sequence[dict[str, Any]] = (), **fields: Any) -> str:
    """A definition that writes `in.csv` into `out.csv`, by the key `id`; further fields of its job, or other
    jobs.
    """
    return yaml.safe_dump(
        {"name": name, "limits": NO_LIMITS, "jobs": list(jobs) or [job(**fields)]}, sort_keys=False
    )


def job(name: str = "copy", **fields: Any) -> dict[str, Any]:
    """One job of it."""
    settings = {key: fields.pop(key) for key in list(fields) if key in _SETTINGS}
    return {
        "name": name,
        "source": {"file": "in.csv"},
        "destination": {"file": "out.csv"},
        "object": "row",
        "fields": {"id": {"from": "id", "key": True}, "phone": "phone", **fields},
        **settings,
    }


_SETTINGS = ("missing_at_source", "missing_at_destination", "remove", "enabled", "source", "destination")


def write_files(folder: Path, incoming: dict[str, str], present: dict[str, str]) -> None:
    """The two files, each with phone numbers by id."""
    for name, rows in (("in.csv", incoming), ("out.csv", present)):
        lines = ["id,phone", *(f"{id},{phone}" for id, phone in rows.items())]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def deployment(folder: Path, **given: Any) -> Deployment:
    """What a worker has."""
    return Deployment(connections=NoConnections(), data_folder=folder, **given)


def ask(
    store: Store,
    text: str,
    *,
    kind: QuestionKind = QuestionKind.TEXT,
    name: str = "phones",
    person: Person = ADA,
    jobs: Sequence[str] = (),
) -> Question:
    """A question, compared with the newest saved version if there is one."""
    newest = store.collections.get(name)
    return store.previews.ask(
        person,
        name,
        kind,
        text,
        version=None if newest is None else newest.number,
        revision=None if newest is None else newest.revision,
        jobs=jobs,
    )


def claim(store: Store, question: Question) -> Question:
    """Take it, as the run does that was started for it."""
    return store.previews.claim(question.id, run_id=question.run_id, by=question.asked_by)


def answered(store: Store, folder: Path, question: Question, **given: Any) -> Question:
    """Answer it, as a worker does; the question as it is then."""
    claimed = claim(store, question)
    state = answer(store, claimed, deployment(folder, **given), progress=lambda stage, done, total: None)
    store.previews.finish(question.id, state)
    assert state is PreviewState.DONE
    found = store.previews.get(question.id)
    assert found is not None
    return found
