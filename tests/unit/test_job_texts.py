"""Jobs in the text of a definition are added, moved, renamed and removed, and everything else stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from directory_sync.collections import job_texts
from directory_sync.definition.loading import Loaded, load_text
from directory_sync.errors import DefinitionError
from tests.scenarios.saved import text_of

TEXT = """\
# about
name: crew
jobs:   # in this order
  # the first
  - name: a   # one
    object: user
    note: |
      # no comment
      text

  - name: "b"
    # within b
    x: {y: z}
    # at the end of b

  -
    name: c
# after the jobs
limits: {delete: 5}
"""


def test_jobs_change_places() -> None:
    """Each takes its comments along; blank lines stay where they were."""
    moved = job_texts.moved_job(TEXT, 0, 2)
    assert moved == (
        "# about\nname: crew\njobs:   # in this order\n"
        '  - name: "b"\n    # within b\n    x: {y: z}\n    # at the end of b\n\n'
        "  -\n    name: c\n\n"
        "  # the first\n  - name: a   # one\n    object: user\n    note: |\n      # no comment\n      text\n"
        "# after the jobs\nlimits: {delete: 5}\n"
    )
    assert job_texts.moved_job(moved, 2, 0) == TEXT
    assert job_texts.job_names(moved) == ["b", "c", "a"]


def test_jobs_are_removed_to_the_last() -> None:
    """The comment above a job goes with it; the list stays a list."""
    text = job_texts.without_job(TEXT, 0)
    assert "the first" not in text
    assert job_texts.job_names(text) == ["b", "c"]
    text = job_texts.without_job(job_texts.without_job(text, 1), 0)
    assert text == "# about\nname: crew\njobs: []   # in this order\n# after the jobs\nlimits: {delete: 5}\n"
    again = job_texts.with_job(text, "name: d\nobject: user\n")
    assert again == (
        "# about\nname: crew\njobs:\n  - name: d\n    object: user\n# after the jobs\nlimits: {delete: 5}\n"
    )


def test_a_job_is_added_where_there_was_none() -> None:
    """Without the key, with nothing, and with an empty list."""
    for text in ("name: crew\n", "name: crew\njobs:\n", "name: crew\njobs: []\n", "name: crew\njobs: ~"):
        assert job_texts.with_job(text, "name: d") == "name: crew\njobs:\n  - name: d\n"


def test_a_job_is_renamed_and_duplicated() -> None:
    """Its quotes and the rest of the line stay; a copy has a name of its own."""
    assert (
        job_texts.named_job("name: a   # one\nobject: user\n", "first") == "name: first # one\nobject: user\n"
    )
    text = job_texts.duplicated_job(TEXT, 1)
    assert job_texts.job_names(text) == ["a", "b", "b_2", "c"]
    assert text.count("# within b") == 2
    assert job_texts.job_names(job_texts.duplicated_job(text, 1)) == ["a", "b", "b_3", "b_2", "c"]
    assert job_texts.named_job("object: user\n", "new") == "name: new\nobject: user\n"
    odd = "<b>: #x"
    assert job_texts.job_names(f"jobs: [{job_texts.named_job('{name: a}', odd)}]") == [odd]


@pytest.mark.parametrize(
    "text",
    [
        "name: x\njobs: [{name: a}, {name: b}, {name: c}]\n",
        "name: x\njobs:\n- &a {name: a}\n- name: b\n- {<<: *a, name: c}\n",
        '{"name": "x", "jobs": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}',
        "jobs:\n- name: a\n  k: 'two\nlines'\n- name: b\n- name: c\nname: x",
    ],
)
def test_an_odd_notation_means_the_same(text: str) -> None:
    """What cannot be edited in lines means the same afterwards."""
    names = ["a", "b", "c"]
    assert job_texts.job_names(job_texts.moved_job(text, 0, 1)) == ["b", "a", "c"]
    assert job_texts.job_names(job_texts.without_job(text, 1)) == ["a", "c"]
    edited = job_texts.with_job(text, "name: d\nobject: user")
    assert job_texts.job_names(edited) == [*names, "d"]
    before, after = yaml.safe_load(text), yaml.safe_load(edited)
    assert after["jobs"][:3] == before["jobs"]
    assert after["name"] == "x"


@pytest.mark.parametrize(
    "text",
    [
        "# top\nname: x # the name\njobs: [{name: a}, {name: b}, {name: c}] # in a line\n",
        "# top\nname: x # the name\njobs:\n  - &a {name: a}\n  - name: b\n  - {<<: *a, name: c}\n",
    ],
)
def test_comments_stay_in_an_odd_notation(text: str) -> None:
    """Lists in one line, and anchors: whatever is done with the jobs."""
    for edited in (
        job_texts.moved_job(text, 0, 1),
        job_texts.without_job(text, 1),
        job_texts.without_job(text, 0),
        job_texts.duplicated_job(text, 2),
        job_texts.with_job(text, "name: d\nobject: user"),
    ):
        assert [line for line in ("# top", "name: x # the name") if line not in edited.splitlines()] == []


def test_text_that_is_no_yaml_is_refused() -> None:
    """Nothing is guessed of it."""
    assert job_texts.with_job("# empty\n", "name: d") == "# empty\njobs:\n  - name: d\n"
    for text in ("jobs: [", "- a\n", "\x00"):
        with pytest.raises(DefinitionError):
            job_texts.with_job(text, "name: d")
        assert job_texts.job_count(text) == 0
    with pytest.raises(IndexError):
        job_texts.without_job("name: x\n", 0)


def test_one_job_alone() -> None:
    """Its keys begin in the first column."""
    text = job_texts.job_text(TEXT, 0)
    assert text == "# the first\nname: a   # one\nobject: user\nnote: |\n  # no comment\n  text\n"
    assert job_texts.job_text(TEXT, 2) == "name: c\n"


def _loaded(**given: object) -> Loaded:
    return load_text(text_of("other", **given), "saved:other")


def test_a_copied_job_means_the_same_elsewhere() -> None:
    """It takes along what its collection says for it: policy, limits and their window."""
    policy = {"approvers": {"users": ["ida"]}}
    source = _loaded(approval=policy, limits={"delete": 5, "update": "10%"}, limit_window="0")
    copied = job_texts.copied_job(source, 0)
    target = load_text(job_texts.with_job("name: target\njobs: []\n", copied), "target")
    job, before = target.collection.jobs[0], source.collection.jobs[0]
    assert target.collection.policy_of(job) == source.collection.policy_of(before)
    assert target.collection.limits_of(job) == source.collection.limits_of(before)
    assert target.collection.window_of(job) == source.collection.window_of(before)
    job_in_a_line = json.dumps(yaml.safe_load(text_of())["jobs"][0])
    flow = load_text(f"name: other\nlimits: {{delete: 5}}\njobs: [{job_in_a_line}]\n", "other")
    copied = job_texts.copied_job(flow, 0)
    target = load_text(job_texts.with_job("name: target\n", copied), "target")
    assert target.collection.jobs[0].limits == flow.collection.limits
    plain = _loaded()
    alone = load_text(
        job_texts.with_job("name: target\n", job_texts.copied_job(plain, 0)), "target"
    ).collection.jobs
    assert alone == plain.collection.jobs


POLICY = {"approvers": {"users": ["ida", "bea"]}}


@pytest.mark.parametrize(
    ("there", "counts"),
    [
        # What is there is stricter, so it counts for the copy too.
        ({"limits": {"delete": 2}}, {"limits": {"delete": 2, "update": "10%"}}),
        ({"limits": {"delete": 0, "update": "1%", "create": 9}}, {"limits": {"delete": 0, "create": 9}}),
        ({"limits": {"delete": "2%", "update": 3}}, {"limits": {"delete": ["2%", 5], "update": ["10%", 3]}}),
        ({"approval": {**POLICY, "require": 2}}, {"approval": {**POLICY, "require": 2}}),
        ({"limit_window": "3d"}, {"limit_window": "3d"}),
        # It lets pass more than what the copy had: its collection's, or the defaults.
        ({"limits": {"delete": 9, "update": "none"}}, {"limits": {"delete": 5, "update": "10%"}}),
        (
            {"limits": {"clear": "none", "disable": 9_000}},
            {"limits": {"clear": "10%", "disable": ["5%", 500]}},
        ),
        ({"approval": {**POLICY, "self_approval": "auto"}}, {"approval": POLICY}),
        ({"approval": {"approvers": {"users": ["eve"]}}}, {"approval": POLICY}),
        ({"approval": "none"}, {"approval": POLICY}),
        ({"limit_window": "0"}, {"limit_window": "2d"}),
    ],
)
def test_a_copied_job_is_nowhere_less_protected(there: dict[str, Any], counts: dict[str, Any]) -> None:
    """The stricter of what it had and what counts where it is put."""
    source = _loaded(approval=POLICY, limits={"delete": 5, "update": "10%"}, limit_window="2d")
    target = load_text(text_of("target", **there), "target").collection
    copied = job_texts.copied_job(source, 0, target)
    whole = yaml.safe_dump({"name": "target", "jobs": [yaml.safe_load(copied)], **there})
    found = load_text(whole, "target").collection
    expected = load_text(text_of("target", **counts), "target").collection
    (job,), (wanted,) = found.jobs, expected.jobs
    for kind, limit in expected.limits.items():
        assert found.limits_of(job)[kind] == limit
    if "approval" in counts:
        assert found.policy_of(job) == expected.policy_of(wanted)
    if "limit_window" in counts:
        assert found.window_of(job) == expected.window_of(wanted)


def test_a_copied_job_is_put_where_it_is_protected_as_well_without_a_word() -> None:
    """What counts there anyway is not written into it."""
    source = _loaded(approval=POLICY, limits={"delete": 5}, limit_window="2d")
    assert "limit" not in job_texts.copied_job(source, 0, source.collection)
    assert "approval" not in job_texts.copied_job(source, 0, source.collection)


def test_many_jobs_are_copied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both definitions are taken apart once: else the time would grow with the square of the jobs."""
    jobs = [{**yaml.safe_load(text_of())["jobs"][0], "name": f"job_{number}"} for number in range(30)]
    source = _loaded(jobs=jobs)
    taken_apart: list[str] = []
    blocks = job_texts._blocks

    def counted(text: str) -> Any:
        taken_apart.append(text)
        return blocks(text)

    monkeypatch.setattr(job_texts, "_blocks", counted)
    copies = job_texts.copied_jobs(source, list(range(30)))
    edited = job_texts.with_jobs("name: target\njobs:\n  - name: own\n\n  - name: more\n", copies)
    assert len(taken_apart) == 2
    assert job_texts.job_names(edited) == ["own", "more", *(each["name"] for each in jobs)]
    assert yaml.safe_load(edited)["jobs"][2:] == jobs
    assert "\n\n  - name: job_29\n" in edited
