"""What may stand in the configuration of a run of a collection: the keys, and the values of each.

Airflow itself lets any key through. One that is mistyped would do nothing, and a run that was meant as a
preview would write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from directory_sync.definition.problems import printable, suggest

if TYPE_CHECKING:
    from airflow.sdk import Context

REASON_LENGTH = 1_000
"""Characters that the reason for a run may have."""

_AIRFLOWS = "airflow/"
"""How the keys begin that Airflow itself writes into a run's configuration."""


@dataclass(frozen=True, slots=True)
class RunParameters:
    """What a run was started with.

    Attributes:
        preview_only: nothing is to be written.
        reason: in the words of the person who started it; empty if they gave none.
        jobs: only these; empty for all.
    """

    preview_only: bool
    reason: str
    jobs: tuple[str, ...]


def read_parameters(context: Context) -> RunParameters:
    """The parameters of the run that a task belongs to.

    Raises AirflowFailException for a key that is not known, or a value that makes no sense: nothing was read
    then.
    """
    given: Mapping[str, Any] = context["dag_run"].conf or {}
    refuse_unknown_keys(given, _KINDS)
    # Whatever Airflow's setting `dag_run_conf_overrides_params` says: a preview that was asked for is one.
    values = {name: given.get(name, context["params"].get(name)) for name in _KINDS}
    for name, value in values.items():
        expected, fits = _KINDS[name]
        if not fits(value):
            raise AirflowFailException(
                f"The parameter {name} of this run must be {expected}, not {printable(repr(value))[:200]}."
                " Nothing was read or written. Start a new run."
            )
    return RunParameters(bool(values["preview_only"]), values["reason"] or "", tuple(values["jobs"] or ()))


def refuse_unknown_keys(given: Mapping[str, Any], known: Mapping[str, object]) -> None:
    """Raise AirflowFailException for a key that is neither known nor Airflow's own."""
    unknown = [str(key) for key in given if key not in known and not str(key).startswith(_AIRFLOWS)]
    if not unknown:
        return
    near = suggest(unknown[0], known)
    names = ", ".join(repr(printable(key)[:100]) for key in unknown[:5])
    raise AirflowFailException(
        f"The configuration of this run holds {'an unknown key' if len(unknown) == 1 else 'unknown keys'}:"
        f" {names}{f' ({near})' if near else ''}. Known keys: {', '.join(known) or 'none'}. Nothing was read"
        " or written. Start a new run."
    )


def _is_reason(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= REASON_LENGTH)


def _are_names(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value))


_KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "preview_only": ("true or false", lambda value: isinstance(value, bool)),
    "reason": (f"a text of at most {REASON_LENGTH:,} characters", _is_reason),
    "jobs": ("a list of names of jobs", _are_names),
}
