"""What the tasks of a collection's DAG share: the definition a run begins with, the jobs chosen for it, how
they fail or wait.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from directory_sync.airflow.run_parameters import read_parameters
from directory_sync.definition.models import Collection, format_duration
from directory_sync.errors import DirectorySyncError, LeaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from directory_sync.airflow.run_parameters import RunParameters
    from directory_sync.store.run_identity import RunIdentity
    from directory_sync.store.run_stops import RunStop
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

FIRST_PAUSE = 15.0
LONGEST_PAUSE = 60.0
"""Seconds between two looks at a destination on which another run works; doubled from the first to the
longest.
"""

log = logging.getLogger(__name__)


class CollectionOperator(BaseOperator):
    """A task that knows the definition, as it was when the DAG file was parsed.

    The run goes by the definition that its first task stored, so that an edit in between changes nothing.
    `origin`, `version` and `text_digest` are those of the document that it was read from.
    """

    # Only template fields are part of a serialized DAG: through the digest a changed definition makes a new
    # DAG version. The definition itself must not be one: Jinja would render its filters and templates.
    template_fields: Sequence[str] = ("definition_digest",)

    def __init__(
        self,
        *,
        collection: Collection,
        definition_digest: str,
        origin: str = "",
        version: str = "",
        text_digest: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection = collection
        self.definition_digest = definition_digest
        self.origin, self.version, self.text_digest = origin, version, text_digest

    def _claim_name(self, store: Store) -> None:
        """Note where the collection comes from, before anything is read.

        Raises OriginDiffers if its name belongs to a collection from elsewhere, CollectionNotFound if it was
        saved in the store and has been deleted, DirectorySyncError if another one has been saved in its
        place.
        """
        from directory_sync.run.newest_version import require_version
        from directory_sync.store.collection_names import SAVED, Origin

        if self.origin:
            name = self.collection.name
            origin = Origin.of_document(name, self.origin)
            store.collections.claim_origin(name, origin)
            if origin == SAVED:
                require_version(store, name, self.version, self.text_digest)

    def _start_run(self, store: Store, context: Context, parameters: RunParameters) -> Snapshot:
        from directory_sync.store.run_identity import UNKNOWN

        identity = run_identity(context)
        return store.runs.start(
            self.collection,
            identity.run_id,
            trigger=identity.trigger,
            requester=identity.requester,
            verified=identity.requester != UNKNOWN,
            reason=str(parameters.reason or context["dag_run"].note or ""),
            preview_only=parameters.preview_only,
            triggering_user=identity.triggering_user,
            logical_date=identity.logical_date,
            run_after=identity.run_after,
            origin=self.origin,
            version=self.version,
        )


def run_identity(context: Context) -> RunIdentity:
    """Which run of Airflow a task belongs to, as the store tells it from others with the same id."""
    from directory_sync.store.run_identity import RunIdentity, requester_of

    run = context["dag_run"]
    trigger = str(getattr(run.run_type, "value", run.run_type))
    return RunIdentity(
        run_id=run.run_id,
        trigger=trigger,
        requester=requester_of(trigger, run.triggering_user_name),
        triggering_user=run.triggering_user_name,
        logical_date=run.logical_date,
        run_after=run.run_after,
    )


def joined_run(store: Store, context: Context) -> Snapshot | None:
    """The stored run that a task belongs to; None if no job of it has begun.

    Raises RunIdUsed if it is another run's.
    """
    return store.runs.join(context["ti"].dag_id, run_identity(context))


class WorkingOperator(CollectionOperator):
    """A task that works on a destination, and waits without a worker slot while another run does."""

    def execute(self, context: Context) -> Any:
        """Begin."""
        read_parameters(context)
        return self._attempt(context, waiting_since=time.time(), pause=FIRST_PAUSE)

    def resume(self, context: Context, event: dict[str, float]) -> Any:
        """Try again after waiting for another run that works on the same part of the destination."""
        return self._attempt(context, waiting_since=event["waiting_since"], pause=event["pause"])

    def on_kill(self) -> None:
        """Leave the job on SIGTERM: what was written so far is recorded on the way out, and a retry goes on
        from there.
        """
        raise SystemExit("The task was stopped; everything that was written until now is recorded.")

    def _work(self, store: Store, context: Context) -> dict[str, Any]:
        """Do what the task is there for. May raise LeaseError as long as nothing was begun."""
        raise NotImplementedError

    def _attempt(self, context: Context, *, waiting_since: float, pause: float) -> dict[str, Any]:
        from directory_sync import settings

        try:
            with open_store() as store:
                return self._work(store, context)
        except LeaseError as busy:
            waited, most = timedelta(seconds=time.time() - waiting_since), settings.lease_wait()
            if waited >= most:
                raise AirflowFailException(
                    f"{busy} Waited {format_duration(most)} for it (setting lease_wait)."
                ) from None
            log.info("%s Trying again in %d seconds.", busy, pause)
            self._pause(pause, waiting_since)
        except DirectorySyncError as error:
            fail(error, str(error))

    def _pause(self, seconds: float, waiting_since: float) -> NoReturn:
        from directory_sync.airflow.pause import PauseTrigger

        self.defer(
            trigger=PauseTrigger(
                time.time() + seconds,
                {"waiting_since": waiting_since, "pause": min(seconds * 2, LONGEST_PAUSE)},
            ),
            method_name=self.resume.__name__,
        )


def stop_of_run(store: Store, context: Context) -> RunStop | None:
    """That a person has stopped the run that a task belongs to; None if no one has."""
    instance = context["ti"]
    return store.run_stops.of(instance.dag_id, instance.run_id)


def end_stopped_run(store: Store, snapshot: Snapshot, stop: RunStop) -> None:
    """End what waits, and find out what was written, where a process of the stopped run is gone."""
    from directory_sync.airflow.deployment import deployment
    from directory_sync.run.stopping import end_stopped

    holder = f"collection {snapshot.collection.name}, run {snapshot.run_id}, which is being stopped"
    end_stopped(store, snapshot, stop, deployment(), holder=holder)


@contextmanager
def open_store() -> Iterator[Store]:
    """The deployment's store. Raises StoreError or SettingsError."""
    from directory_sync import settings
    from directory_sync.store.store import Store

    with Store.open(settings.database_url()) as store:
        yield store


def left_out(snapshot: Snapshot, parameters: RunParameters) -> frozenset[str]:
    """The jobs that the person who started the run has left out, by the parameter `jobs`.

    Raises AirflowFailException for names that are no jobs, so that a typing error is no run that did nothing.
    """
    chosen, known = parameters.jobs, [job.name for job in snapshot.collection.enabled_jobs]
    if unknown := [name for name in chosen if name not in known]:
        raise AirflowFailException(
            f"The parameter jobs names {', '.join(map(repr, unknown))}, but the jobs of collection"
            f" {snapshot.collection.name} are: {', '.join(known)}. Nothing was done; start a new run."
        )
    return frozenset(known) - frozenset(chosen) if chosen else frozenset()


def task_states(context: Context, task_ids: Sequence[str]) -> dict[str, str]:
    """Task id → state in this run, of the tasks that have one."""
    instance = context["ti"]
    found = instance.get_task_states(
        dag_id=instance.dag_id, task_ids=list(task_ids), run_ids=[instance.run_id]
    )
    return {
        task: str(getattr(state, "value", state)) for task, state in found.get(instance.run_id, {}).items()
    }


def fail(error: DirectorySyncError | None, message: str) -> NoReturn:
    """End the task: for good, or, where trying again may help, so that Airflow retries."""
    if error is not None and error.transient:
        raise AirflowException(message) from None
    raise AirflowFailException(message) from None
