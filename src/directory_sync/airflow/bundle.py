"""The DAG bundle by which collections that are saved in the store become DAGs.

It is configured in `[dag_processor] dag_bundle_config_list`. The DAG processor has one folder that follows
the store; a task gets a folder of the revision that its run began with, on any machine.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion
from airflow.sdk.exceptions import AirflowException

from directory_sync import settings
from directory_sync.airflow import bundle_files
from directory_sync.airflow.bundle_files import CURRENT, file_name, read_mark
from directory_sync.airflow.stub import stub_of
from directory_sync.errors import DirectorySyncError, StoreError

if TYPE_CHECKING:
    from directory_sync.store.store import Store

PAUSE = 30.0
"""Seconds without another question after the store did not answer: Airflow waits for each of them, and cannot
look after other bundles meanwhile.
"""

log = logging.getLogger(__name__)


class DirectorySyncBundle(BaseDagBundle):
    """The collections that are saved in the store.

    A version of the bundle is a revision of the store.

    Args:
        refresh_interval: seconds between two questions to the store. Airflow looks at its bundles every
            `[dag_processor] bundle_refresh_check_interval` seconds anyway; 0 asks each time, which costs one
            short query.
        arguments: Airflow's own.
    """

    supports_versioning = True

    def __init__(self, *, refresh_interval: int = 0, **arguments: Any) -> None:
        super().__init__(refresh_interval=refresh_interval, **arguments)
        self._silent_until = 0.0

    @property
    def path(self) -> Path:
        """The folder with the files: of one revision, or the one that follows the store."""
        return self.base_dir / CURRENT if self.version is None else self.versions_dir / self.version

    def get_current_version(self) -> BundleVersion | None:
        """The revision that the folder holds; None if none was ever read."""
        if self.version is not None:
            return BundleVersion(self.version)
        mark = read_mark(self.path)
        return None if mark is None else BundleVersion(str(mark.revision))

    def initialize(self) -> None:
        """Make the files be there. Raises AirflowException where none were ever read and the store does not
        answer: without files, Airflow would take the DAGs for deleted.
        """
        if self.version is None:
            self.refresh()
        else:
            self._pin(self.version)
        super().initialize()

    def refresh(self) -> None:
        """Bring the folder to the newest revision. Where the store does not answer, it stays as it is, and
        the log says so.

        Raises AirflowException as `initialize`.
        """
        if self.version is not None:
            raise AirflowException(
                f"The bundle {self.name} is held at revision {self.version}; it cannot follow the store."
            )
        mark = read_mark(self.path)
        if mark is not None and time.monotonic() < self._silent_until:
            return
        try:
            self._follow()
        except DirectorySyncError as error:
            self._silent_until = time.monotonic() + PAUSE
            if mark is None:
                raise AirflowException(
                    f"The collections that are saved in the store are no DAGs yet. {error}"
                ) from None
            log.warning(
                "The store cannot be read, so the DAGs of saved collections stay as they were at revision %d."
                " It is asked again in %d seconds. error=%s",
                mark.revision,
                PAUSE,
                error,
            )

    def _follow(self) -> None:
        from directory_sync.store.store import Store

        # All in the lock: of two DAG processors on a machine, none goes back to what it read earlier.
        with self.lock(), Store.open(settings.database_url()) as store:
            revision = store.collections.newest_revision()
            moment = store.collections.moment(revision)
            mark = read_mark(self.path)
            if mark and mark.is_of(revision, moment) and bundle_files.is_complete(self.path, mark):
                return
            files = _files(store, revision)
            bundle_files.update(self.path, files, revision=revision, moment=moment)
        log.info("Saved collections were read. revision=%d collections=%d", revision, len(files))

    def _pin(self, version: str) -> None:
        if not version.isascii() or not version.isdigit():
            raise AirflowException(f"{version!r} is no revision of the store. Start a new run.")
        from directory_sync.store.store import Store

        revision = int(version)
        mark = read_mark(self.path)
        complete = mark is not None and bundle_files.is_complete(self.path, mark)
        try:
            with Store.open(settings.database_url()) as store:
                moment = store.collections.moment(revision)
                if complete and mark is not None and mark.is_of(revision, moment):
                    return
                if moment is None and revision:
                    raise AirflowException(
                        f"The store has no revision {revision} of saved collections: it was restored from a"
                        " backup after this run had begun. Start a new run."
                    )
                files = _files(store, revision)
        except StoreError:
            if complete:
                return  # the task asks the store itself, and says what is wrong
            raise
        with self.lock():
            bundle_files.make(self.path, files, revision=revision, moment=moment)


def _files(store: Store, revision: int) -> dict[str, str]:
    return {file_name(each.name): stub_of(each) for each in store.collections.at(revision)}
