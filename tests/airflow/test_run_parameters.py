"""What a run's configuration may hold: everything else fails the run before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.definition.models import Collection
from tests.airflow.dag_runs import task_states

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

    from directory_sync.airflow.run_parameters import RunParameters

DEFAULTS = {"preview_only": False, "reason": None, "jobs": None}


def read(conf: dict[str, Any] | None, **params: Any) -> RunParameters:
    """The parameters of a run with this configuration."""
    from directory_sync.airflow.run_parameters import read_parameters

    context: Any = {"dag_run": SimpleNamespace(conf=conf), "params": DEFAULTS | params}
    return read_parameters(context)


def refused(conf: dict[str, Any]) -> str:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException) as caught:
        read(conf)
    assert "Nothing was read or written. Start a new run." in str(caught.value)
    return str(caught.value)


def test_known_keys_are_read() -> None:
    """As they are given, with the defaults for the others; keys of Airflow itself are left alone."""
    parameters = read(
        {"preview_only": True, "reason": "to see", "jobs": ["people"], "airflow/task_span_detail_level": 2}
    )
    assert (parameters.preview_only, parameters.reason, parameters.jobs) == (True, "to see", ("people",))
    for nothing in (None, {}, {"reason": None, "jobs": None}, {"jobs": []}):
        parameters = read(nothing)
        assert (parameters.preview_only, parameters.reason, parameters.jobs) == (False, "", ())


def test_what_was_asked_for_counts_whatever_airflow_makes_of_it() -> None:
    """With `dag_run_conf_overrides_params = False` Airflow ignores the configuration: a preview would have
    written.
    """
    assert read({"preview_only": True}, preview_only=False).preview_only is True
    assert read({"jobs": ["people"]}).jobs == ("people",)


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        (
            {"preview": True},
            "an unknown key: 'preview' (did you mean preview_only?). Known keys: preview_only, reason, jobs.",
        ),
        ({"Preview_Only": True}, "'Preview_Only' (did you mean preview_only?)"),
        (
            {"preview-only": True, "job": "people"},
            "unknown keys: 'preview-only', 'job' (did you mean preview_only?)",
        ),
        ({"dry_run": True}, "an unknown key: 'dry_run'. Known keys"),
        ({"airflow": 1}, "an unknown key: 'airflow'"),
        ({"": 1}, "an unknown key: ''"),
        ({"x\x1b[31m": 1}, "an unknown key: 'x?[31m'"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(conf: dict[str, Any], says: str) -> None:
    """A typing error must not turn a preview into a run."""
    assert says in refused(conf)


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"preview_only": "yes"}, "The parameter preview_only of this run must be true or false, not 'yes'."),
        ({"preview_only": 1}, "must be true or false, not 1."),
        ({"preview_only": None}, "must be true or false, not None."),
        ({"jobs": "people"}, "The parameter jobs of this run must be a list of names of jobs, not 'people'."),
        ({"jobs": [1]}, "must be a list of names of jobs"),
        ({"jobs": {"people": True}}, "must be a list of names of jobs"),
        (
            {"reason": 7},
            "The parameter reason of this run must be a text of at most 1,000 characters, not 7.",
        ),
        ({"reason": "x" * 1001}, "must be a text of at most 1,000 characters"),
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_refused(conf: dict[str, Any], says: str) -> None:
    """Nothing is guessed: `yes` could be meant as well as not."""
    assert says in refused(conf)


def test_no_task_does_anything_with_an_unknown_key(
    run_dag: Callable[..., DagRun], store_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Job, gate, marker and close: each one refuses by itself, so that none can be reached around the
    others.
    """
    from airflow.sdk import TriggerRule

    from directory_sync.airflow.dag_factory import build_dag

    assert store_url
    (tmp_path / "data").mkdir()
    job = {
        "source": {"file": "in.csv"},
        "destination": {"file": "out.csv"},
        "object": "row",
        "fields": {"id": {"from": "id", "key": True}},
        "approval": {"approvers": {"users": ["bea"]}},
        "wait_for_approval": True,
    }
    dag = build_dag(
        Collection.model_validate(
            {"name": "corp", "jobs": [{**job, "name": "people"}, {**job, "name": "after"}]}
        )
    )
    for task in dag.tasks:
        task.trigger_rule = TriggerRule.ALWAYS  # as when somebody marks what stands before it
    run = run_dag(dag, preview=True)
    assert set(task_states(run)) == {
        *(
            "people",
            "people.approval",
            "people.apply",
            "people.settled",
            "after",
            "after.approval",
            "after.apply",
            "_close",
        )
    }
    assert set(task_states(run).values()) == {"failed"}
    assert capfd.readouterr().out.count("did you mean preview_only?") >= 8


def test_the_maintenance_takes_no_configuration() -> None:
    """A key that was meant to keep it from doing something would do nothing."""
    from airflow.sdk.exceptions import AirflowFailException

    from directory_sync.airflow.upkeep_dag import UpkeepOperator

    context: Any = {"dag_run": SimpleNamespace(conf={"dry_run": True}), "ti": None, "dag": None}
    with pytest.raises(AirflowFailException, match=r"unknown key: 'dry_run'\. Known keys: none"):
        UpkeepOperator(task_id="keep_up").execute(context)
