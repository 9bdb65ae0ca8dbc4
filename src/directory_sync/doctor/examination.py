"""What checks are given: what was asked for, and what several of them need to know of the deployment."""

from __future__ import annotations

import contextlib
import os
import pwd
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from directory_sync import settings
from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.loading import Broken, Loaded, judge
from directory_sync.definition.templates import FolderTemplates
from directory_sync.doctor.bundles import (
    WHOLE_LIST,
    Bundle,
    BundleListError,
    dag_files,
    read_bundles,
)
from directory_sync.doctor.codes import Code
from directory_sync.doctor.findings import CannotTell, State
from directory_sync.doctor.metadata import Metadata, has_database, read_metadata
from directory_sync.doctor.once import Once
from directory_sync.endpoints.contract import ConnectionInfo, Connections
from directory_sync.errors import DefinitionError, SettingsError, StoreError
from directory_sync.settings.reading import config_file, read_airflow
from directory_sync.store.collection_versions import SavedVersion
from directory_sync.store.database import Database
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class Definitions:
    """The collections from files.

    Attributes:
        folder: where they are.
        found: each with what is wrong with it.
    """

    folder: Path
    found: tuple[Loaded | Broken, ...]

    @property
    def usable(self) -> tuple[Loaded, ...]:
        """Those without an error."""
        return tuple(each for each in self.found if isinstance(each, Loaded))


@dataclass(frozen=True, slots=True)
class Saved:
    """A collection that is saved in the store: the version that counts, and what is wrong with it."""

    version: SavedVersion
    result: Loaded | Broken


@dataclass(frozen=True, slots=True)
class Usable:
    """A collection that can be used; `version` is None for one from a file."""

    loaded: Loaded
    version: SavedVersion | None = None


class Examination:
    """One examination of a deployment.

    Args:
        connections: where connections are looked up.
        named: connections to test, instead of those that the deployment uses.
        send_to: mail address that a mail is sent to; empty: none is sent.

    Attributes:
        home, config_file: Airflow's home folder and configuration file, and whether they were there before
            Airflow was asked anything: it creates what is missing.
        metadata_url: of Airflow's database, as it is written; empty for the default.
        secrets: what no finding may show.
    """

    def __init__(self, connections: Connections, *, named: Sequence[str] = (), send_to: str = "") -> None:
        self._connections = connections
        self.named = tuple(dict.fromkeys(named))
        self.send_to = send_to
        self.home = settings.airflow_home()
        self.has_home = self.home.is_dir()
        self.config_file = config_file()
        self.has_config_file = self.config_file.exists()
        self.secrets: set[str] = set()
        self.metadata_url = ""
        with contextlib.suppress(SettingsError):  # `configuration` says what is wrong
            self.metadata_url = read_airflow("database", "sql_alchemy_conn")
        self._looking_up = threading.Lock()
        self.load_airflow = Once(lambda: _load_airflow(self))
        self.definitions = Once(self._definitions)
        self.saved = Once(self._saved)
        self.bundles = Once(self._bundles)
        self.dag_files = Once(lambda: tuple(dag_files(self.bundles())))
        self.metadata: Once[Metadata] = Once(lambda: read_metadata(self))

    def connection(self, id: str) -> ConnectionInfo:
        """A connection. Raises EndpointError."""
        if os.environ.get(f"AIRFLOW_CONN_{id.upper()}", "").strip():
            found = self._connections.get(id)
        else:
            with contextlib.suppress(BaseException):  # what is wrong with it, `installation` says
                self.load_airflow()
            with self._looking_up:
                found = self._connections.get(id)
        self.conceal(found.password)
        for name, value in found.extra.items():
            if isinstance(value, str) and any(word in name.lower() for word in ("pass", "secret", "token")):
                self.conceal(value)
        return found

    def needs_home(self, path: Path) -> None:
        """Raise CannotTell if a path is within Airflow's home folder, and there is none: one cause, one
        problem.
        """
        if not self.has_home and path.is_relative_to(self.home):
            raise CannotTell(Code.NO_HOME, home=str(self.home))

    def conceal(self, secret: str | None) -> None:
        """Let no finding show this text. Very short ones are part of too many words."""
        if secret and len(secret) > 3:
            self.secrets.add(secret)

    def collections_folder(self) -> Path:
        """Where the definition files are: as the setting says, or next to the DAG file. Raises
        SettingsError.
        """
        try:
            files = self.dag_files()
        except CannotTell:
            files = ()
        return settings.collections_folder(
            beside=files[0] if files else settings.dags_folder() / "job_collections.py"
        )

    def usable(self) -> tuple[Usable, ...]:
        """All collections that can be used, as far as they can be read. Raises CannotTell where the files
        cannot.
        """
        found = tuple(Usable(loaded) for loaded in self.definitions().usable)
        try:
            saved = self.saved()
        except CannotTell:
            return found  # the checks of the store say why
        return (
            *found,
            *(Usable(each.result, each.version) for each in saved if isinstance(each.result, Loaded)),
        )

    def _saved(self) -> tuple[Saved, ...]:
        url = settings.database_url()
        if (file := Database(url).file) is not None:
            self.needs_home(file)
        try:
            with Store.open(url) as store:
                newest = store.collections.newest()
        except (StoreError, OSError):
            raise CannotTell(Code.STORE_NOT_READY) from None
        templates = FolderTemplates(settings.templates_folder(self.collections_folder()))
        return tuple(Saved(each, judge(each.document, templates)) for each in newest)

    def _bundles(self) -> tuple[Bundle, ...]:
        try:
            return read_bundles()
        except BundleListError as error:
            raise CannotTell(
                Code.BUNDLES_UNREADABLE, State.PROBLEM, reason=str(error), list=WHOLE_LIST
            ) from None

    def _definitions(self) -> Definitions:
        try:
            folder = self.collections_folder()
            self.needs_home(folder)
            if not folder.exists():
                facts = {"what": "collections_folder", "folder": str(folder), "user": this_user()}
                raise CannotTell(Code.FOLDER_MISSING, State.PROBLEM, **facts)
            templates = FolderTemplates(settings.templates_folder(folder))
            return Definitions(folder, tuple(FolderCatalogue(folder, templates).all()))
        except DefinitionError as error:
            raise CannotTell(Code.DEFINITIONS_UNREADABLE, State.PROBLEM, said=str(error)) from None


def _load_airflow(examination: Examination) -> None:
    """Import what several checks need of Airflow, in one thread: two that import parts of it at the same time
    wait for each other.
    """
    if not has_database(examination):
        # Else Airflow would create an empty file where its database should be.
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite://"
    import airflow.models.connection
    import airflow.providers_manager
    import airflow.sdk.configuration
    import airflow.secrets  # noqa: F401 - all of them are loaded, none is used here


def this_user() -> str:
    """The user that this process runs as."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
