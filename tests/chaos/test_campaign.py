"""A short campaign with a fixed seed; `make chaos` plays longer ones."""

from __future__ import annotations

import os
import random

import pytest

from tests.chaos.campaign import Share, play_share
from tests.chaos.directories import comparable
from tests.chaos.model import SHAPES, Shape, random_case
from tests.scenarios.postgres import find_binaries
from tests.scenarios.slapd import SlapdMissing, slapd_root


@pytest.fixture(scope="module", autouse=True)
def servers() -> None:
    """slapd and PostgreSQL."""
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")


SEED = int(os.environ.get("SEED", "20261122"))


@pytest.mark.timeout(900)
def test_no_fault_loses_or_doubles_an_object() -> None:
    """Whatever is killed, stopped or cut off, and when: the end is what the rules say, and the store tells
    the truth.
    """
    report = play_share(Share(SEED, 8, size=60, kinds=("command", "terminal")))
    assert not report.violations, report.text()
    assert report.total >= 8, report.text()


@pytest.mark.timeout(900)
def test_a_task_whose_worker_has_gone_is_tried_again() -> None:
    """The same of Airflow: what goes on after a fault is its own retry of the task, in the same run."""
    mortal = ("kill_worker", "kill_all", "terminate_worker", "lose_server")
    report = play_share(Share(SEED, 4, size=60, kinds=("airflow",), only=mortal))
    assert not report.violations, report.text()
    assert report.total >= 4, report.text()
    assert report.retries, report.text()


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_cases_hold_every_kind_of_change(shape: Shape) -> None:
    """The model's cases are not empty: people come, go, change, and take names that others give up."""
    case = random_case(random.Random(1), shape, size=60)
    before, after = comparable(case.before), comparable(case.expected)
    assert after.keys() - before.keys()
    assert before.keys() - after.keys()
    assert [dn for dn in before.keys() & after.keys() if before[dn] != after[dn]]

    def uid_at(state: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
        return {dn: values["uid"] for dn, values in state.items() if "uid" in values}

    taken = [dn for dn, uid in uid_at(after).items() if uid_at(before).get(dn, uid) != uid]
    assert taken or shape.missing == "move"
