"""What the portal asks Airflow about the DAGs of collections: whether they are there, what runs, and which
names are taken.

Like `airflow_runs`, this runs in Airflow's API server only: it uses Airflow's own database.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from airflow.configuration import conf
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from directory_sync.errors import NotDecidable, StoreError

log = logging.getLogger(__name__)

BUNDLE_CLASS = "directory_sync.airflow.bundle.DirectorySyncBundle"
"""What makes DAGs of saved collections, as Airflow's configuration names it."""
LOOK_UP_SECONDS = 10.0
"""For all connections of an imported file together; a secrets backend may be far away."""
_NAME = re.compile("[a-z][a-z0-9_]*")
"""The last one in a file of the bundle is the collection's."""
_ACTIVE = (DagRunState.QUEUED, DagRunState.RUNNING)


@dataclass(frozen=True, slots=True)
class DagState:
    """What Airflow knows of a collection's DAG.

    Attributes:
        known: there is such a DAG, and its definition is still there.
        paused: it is switched off.
        parsed: when Airflow read it last.
        revision: of the saved collections that Airflow has read it from; None for a DAG from elsewhere.
        import_error: what Airflow says is wrong with it; empty if nothing is.
        next_run: when it runs by itself next; None where it does not.
    """

    known: bool = False
    paused: bool = False
    parsed: datetime | None = None
    revision: int | None = None
    import_error: str = ""
    next_run: datetime | None = None


def bundle_name() -> str | None:
    """The name of the bundle with saved collections; None if Airflow has no such bundle."""
    try:
        configured = json.loads(conf.get("dag_processor", "dag_bundle_config_list", fallback="") or "[]")
        return next((str(each["name"]) for each in configured if each["classpath"] == BUNDLE_CLASS), None)
    except (ValueError, KeyError, TypeError):
        log.warning("Airflow's option [dag_processor] dag_bundle_config_list cannot be read.")
        return None


def collections_near_dags() -> Path:
    """The file that definitions from files stand next to, where no setting names their folder."""
    return Path(conf.get("core", "dags_folder")) / "directory_sync.py"


def dag_states(names: Collection[str]) -> dict[str, DagState]:
    """What Airflow knows of the DAGs of these collections.

    A failure is logged, and nothing is known then: what people save can be read without it.
    """
    try:
        bundle = bundle_name()
        with create_session() as session:
            dags = session.scalars(select(DagModel).where(DagModel.dag_id.in_(names))).all()
            of_bundle = select(ParseImportError.filename, ParseImportError.stacktrace).where(
                ParseImportError.bundle_name == bundle
            )
            errors = {
                name: str(trace or "")
                for filename, trace in (session.execute(of_bundle) if bundle else ())
                for name in _NAME.findall(Path(filename or "").stem)[-1:]
            }
            states = {
                dag.dag_id: DagState(
                    known=not dag.is_stale,
                    paused=bool(dag.is_paused),
                    parsed=dag.last_parsed_time,
                    revision=_revision(dag, bundle),
                    import_error=errors.get(dag.dag_id, ""),
                    next_run=None if dag.is_paused or dag.is_stale else dag.next_dagrun_create_after,
                )
                for dag in dags
            }
            return {name: states.get(name) or DagState(import_error=errors.get(name, "")) for name in names}
    except Exception:
        log.exception("Airflow does not tell what it knows of the DAGs of collections.")
        return dict.fromkeys(names, DagState())


def _revision(dag: DagModel, bundle: str | None) -> int | None:
    version = dag.bundle_version or ""
    return int(version) if dag.bundle_name == bundle and version.isdigit() else None


def active_runs(dag_id: str, *, most: int = 50) -> list[str]:
    """The ids of a DAG's runs that have not ended, the oldest first. Raises StoreError if Airflow's database
    does not answer.
    """
    try:
        with create_session() as session:
            query = (
                select(DagRun.run_id)
                .where(DagRun.dag_id == dag_id, DagRun.state.in_(_ACTIVE))
                .order_by(DagRun.id)
                .limit(most)
            )
            return list(session.scalars(query))
    except SQLAlchemyError as error:
        raise _silent(error, f"which runs of {dag_id} go on") from None


def switch(dag_id: str, *, on: bool) -> None:
    """Switch a DAG on or off. Whether the person may do so has been checked.

    Raises NotDecidable if Airflow knows no such DAG, StoreError as `active_runs`.
    """
    try:
        with create_session() as session:
            dag = session.get(DagModel, dag_id)
            if dag is None or dag.is_stale:
                raise NotDecidable(
                    f"Airflow has not made a DAG of {dag_id} yet, so it cannot be switched on or off. See"
                    " what its page says under In Airflow."
                )
            dag.is_paused = not on
    except SQLAlchemyError as error:
        raise _silent(error, f"whether {dag_id} is switched on") from None


def taken_by(dag_id: str) -> str:
    """Which other DAG has a name, in words; empty if none has. Raises StoreError as `active_runs`."""
    try:
        with create_session() as session:
            dag = session.get(DagModel, dag_id)
            if dag is None or dag.is_stale or dag.bundle_name == bundle_name():
                return ""
            place = dag.relative_fileloc or dag.fileloc or "?"
            return f"the DAG that Airflow has read from {place} (bundle {dag.bundle_name})"
    except SQLAlchemyError as error:
        raise _silent(error, f"whether {dag_id} is another DAG's name") from None


def connections_in_database(names: Collection[str]) -> frozenset[str]:
    """Those of the connections that Airflow's own database has. A failure is logged, and none is known
    then.
    """
    try:
        with create_session() as session:
            query = select(Connection.conn_id).where(Connection.conn_id.in_(names))
            return frozenset(str(name) for name in session.scalars(query)) if names else frozenset()
    except SQLAlchemyError:
        log.exception("Airflow's database does not tell which connections it has.")
        return frozenset()


def missing_connections(names: Iterable[str]) -> list[str]:
    """Those of the connections that cannot be found from here. One that could not be looked up, or not soon
    enough, is not told as missing.
    """
    missing = []
    until = time.monotonic() + LOOK_UP_SECONDS
    for name in dict.fromkeys(names):
        if time.monotonic() > until:
            log.warning("Looking up connections takes too long, so not all of them were.")
            break
        try:
            Connection.get_connection_from_secrets(name)
        except AirflowNotFoundException:
            missing.append(name)
        except Exception as error:  # noqa: BLE001 - what it says may be the connection, with its password
            log.warning("The connection %s could not be looked up (%s).", name, type(error).__name__)
    return missing


def _silent(error: SQLAlchemyError, what: str) -> StoreError:
    return StoreError(
        f"Airflow's database does not answer ({type(error).__name__}), so it cannot be told {what}. Nothing"
        " was changed; try again later."
    )
