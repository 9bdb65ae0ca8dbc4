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


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("with_airflow", "faults"), [(False, 12), (True, 4)], ids=["command", "airflow"])
def test_no_fault_loses_or_doubles_an_object(with_airflow: bool, faults: int) -> None:
    """Whatever is killed, stopped or cut off, and when: the end is what the rules say, and the store tells the truth."""
    seed = int(os.environ.get("SEED", "20261122"))
    report = play_share(Share(seed, faults, size=60, with_airflow=with_airflow))
    assert not report.violations, report.text()
    assert report.total >= faults, report.text()


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
