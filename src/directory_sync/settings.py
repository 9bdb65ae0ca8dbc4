"""Every setting of a deployment: the options of the config section `directory_sync`, and how each one is read.

An option comes from the environment, from `airflow.cfg`, or from its default, in Airflow's own order. Airflow itself is imported
only where the value has to be asked from a command or a secrets backend, so that the command line starts fast without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from configparser import Error as ConfigFileError
from configparser import RawConfigParser
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from directory_sync.errors import SettingsError

SECTION = "directory_sync"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the config section.

    Attributes:
        name: key in `airflow.cfg`; the environment variable is `AIRFLOW__DIRECTORY_SYNC__` and the name in capitals.
        description: for people; whole sentences.
        default: as it would be written in `airflow.cfg`; `{AIRFLOW_HOME}` stands for Airflow's home folder.
        type: as Airflow's config documentation names it. Durations are strings.
        example: a value that works, where the default does not show one.
        version_added: the first release that has the option.
        sensitive: never shown; may also come from a command (`…_cmd`) or a secrets backend (`…_secret`).
    """

    name: str
    description: str
    default: str
    type: Literal["string", "boolean", "integer", "float"] = "string"
    example: str | None = None
    version_added: str = "0.1.0"
    sensitive: bool = False

    @property
    def environment_variable(self) -> str:
        """The environment variable that sets this option."""
        return f"AIRFLOW__{SECTION.upper()}__{self.name.upper()}"


OPTIONS: tuple[Option, ...] = (
    Option(
        name="database_url",
        description=(
            "SQLAlchemy URL of the store: runs, plans, changes, outcomes and leases. A SQLite file is enough for one machine; "
            "use PostgreSQL when workers run on several. `airflow db migrate` or `directory-sync db upgrade` creates its tables."
        ),
        default="sqlite:///{AIRFLOW_HOME}/directory_sync.db",
        example="postgresql+psycopg2://directory_sync:secret@db.example/directory_sync",
        sensitive=True,
    ),
    Option(
        name="data_folder",
        description="Folder that file endpoints live in. Paths in definitions are relative to it and may not leave it.",
        default="{AIRFLOW_HOME}/directory_sync",
        example="/srv/directory_sync",
    ),
    Option(
        name="collections_folder",
        description="Folder of the definition files. Empty: the folder `collections` next to the DAG file.",
        default="",
        example="/opt/airflow/dags/collections",
    ),
    Option(
        name="templates_folder",
        description=(
            "Folder with your own job and collection templates, in `jobs/` and `collections/`. Empty: the folder "
            "`include/templates` next to the DAG folder, if there is one."
        ),
        default="",
        example="/opt/airflow/include/templates",
    ),
    Option(
        name="script_modules",
        description="Python modules whose functions definitions may call with `script:`, separated by commas. Empty: none.",
        default="",
        example="transforms, corp.badges",
    ),
    Option(
        name="plan_max_age",
        description="How long a retried job may go on with the plan it has stored, for example `6h`. After that it plans anew.",
        default="6h",
    ),
    Option(
        name="lease_duration",
        description=(
            "How long a job's claim on a part of a destination lasts when its holder is gone, for example `60s`. "
            "The holder renews it while it works."
        ),
        default="60s",
    ),
    Option(
        name="lease_wait",
        description=(
            "How long a job waits, without occupying a worker, for another run that works on the same part of a destination. "
            "Then it fails and names that run."
        ),
        default="1h",
    ),
    Option(
        name="logged_changes",
        description="How many changes a job's task log shows one by one; the rest is summed up. All of them are in the store.",
        default="1000",
        type="integer",
    ),
)

_BY_NAME = {option.name: option for option in OPTIONS}


# -- reading ----------------------------------------------------------------------------------------------------------


def read(name: str) -> str:
    """Return an option's value as text.

    Environment, then `airflow.cfg` (`AIRFLOW_CONFIG`, or in `AIRFLOW_HOME`), then the default. As in Airflow, environment
    variables and `~` inside a value are expanded. Raises KeyError for an option that does not exist, SettingsError if its value
    cannot be obtained.
    """
    option = _BY_NAME[name]
    variable = option.environment_variable
    if variable in os.environ:
        return _expand(os.environ[variable])
    if option.sensitive and (f"{variable}_CMD" in os.environ or f"{variable}_SECRET" in os.environ):
        return _ask_airflow(option)
    configured = _config_file_section(*_config_file())
    if name in configured:
        return _expand(configured[name])
    if option.sensitive and (f"{name}_cmd" in configured or f"{name}_secret" in configured):
        return _ask_airflow(option)
    return option.default.replace("{AIRFLOW_HOME}", str(airflow_home()))


def airflow_home() -> Path:
    """Airflow's home folder, found without importing Airflow."""
    return Path(_expand(os.environ.get("AIRFLOW_HOME", "~/airflow")))


def _config_file() -> tuple[str, int]:
    configured = os.environ.get("AIRFLOW_CONFIG")
    path = _expand(configured) if configured else str(airflow_home() / "airflow.cfg")
    try:
        return path, Path(path).stat().st_mtime_ns
    except OSError:
        return path, 0


@lru_cache(maxsize=4)
def _config_file_section(path: str, modified: int) -> dict[str, str]:
    """Our section of `airflow.cfg`; `modified` is there so that an edited file is read again."""
    if not modified:
        return {}
    # Values such as database URLs contain percent signs; Airflow's own options do not matter here.
    parser = RawConfigParser(strict=False)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError, ConfigFileError) as error:
        raise SettingsError(f"{path} cannot be read as a configuration file: {error}. Correct the file.") from None
    return dict(parser[SECTION]) if parser.has_section(SECTION) else {}


def _expand(value: str) -> str:
    return os.path.expanduser(os.path.expandvars(value))  # noqa: PTH111 a URL is no path


def _ask_airflow(option: Option) -> str:
    """Let Airflow run the command or ask the secrets backend."""
    from airflow.sdk.configuration import conf

    try:
        value = conf.get(SECTION, option.name)
    except Exception as error:  # noqa: BLE001 a secrets backend may raise anything
        # The error's text may quote the command's output, so only its kind is told.
        raise SettingsError(
            f"[{SECTION}] {option.name} could not be obtained from its command or secrets backend ({type(error).__name__}). "
            f"Run `airflow config get-value {SECTION} {option.name}` to see why."
        ) from None
    return str(value).strip()


# -- typed access -----------------------------------------------------------------------------------------------------


def database_url() -> str:
    """SQLAlchemy URL of the store; holds a password, so never show it."""
    url = read("database_url").strip()
    if "://" not in url:
        raise _wrong("database_url", "is not a database URL", "Use for example sqlite:////srv/directory_sync.db.")
    return url


def data_folder() -> Path:
    """Folder that file endpoints live in."""
    folder = read("data_folder").strip()
    if not folder:
        raise _wrong("data_folder", "is empty", "Give the folder that file endpoints live in.")
    return Path(folder)


def collections_folder(beside: Path) -> Path:
    """Folder of the definition files; `beside` is the DAG file that stands next to the default one."""
    folder = read("collections_folder").strip()
    return Path(folder) if folder else beside.resolve().parent / "collections"


def templates_folder(beside: Path | None = None) -> Path | None:
    """Folder of the deployment's own templates, or None.

    Args:
        beside: the folder of the definition files. Where the option is empty, `include/templates` is looked for next to each of
            the folders above it.
    """
    folder = read("templates_folder").strip()
    if folder:
        return Path(folder)
    for parent in (beside.resolve(), *beside.resolve().parents)[:4] if beside else ():
        if (candidate := parent / "include" / "templates").is_dir():
            return candidate
    return None


def script_modules() -> tuple[str, ...]:
    """Modules whose functions definitions may call."""
    names = tuple(name.strip() for name in read("script_modules").split(",") if name.strip())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise _wrong("script_modules", f"names {name!r}, which is no Python module", "Separate module names by commas.")
    return names


def plan_max_age() -> timedelta:
    """How old a stored plan may be for a retry to go on with it."""
    return _duration("plan_max_age")


def lease_duration() -> timedelta:
    """How long a lease lasts without being renewed."""
    return _duration("lease_duration")


def lease_wait() -> timedelta:
    """How long a job waits for a lease that another run holds."""
    return _duration("lease_wait")


def logged_changes() -> int:
    """How many changes a task log shows one by one."""
    number = _converted("logged_changes", int, "a whole number")
    if number < 0:
        raise _wrong("logged_changes", "is negative", "Give 0 or more.")
    return number


def _duration(name: str) -> timedelta:
    from directory_sync.definition.models import parse_duration

    return _converted(name, parse_duration, "a duration such as 60s, 15m or 6h")


def _converted(name: str, convert: Callable[[str], _Value], expected: str) -> _Value:
    text = read(name).strip()
    try:
        return convert(text)
    except ValueError:
        raise _wrong(name, f"is {text!r}", f"Give {expected}.") from None


def _wrong(name: str, what: str, remedy: str) -> SettingsError:
    variable = _BY_NAME[name].environment_variable
    return SettingsError(f"Setting [{SECTION}] {name} {what}. {remedy} It is set in airflow.cfg or by {variable}.")


# -- documentation ----------------------------------------------------------------------------------------------------

_PAGE_START = f"""\
# Settings

Options of the section `[{SECTION}]` in `airflow.cfg`. Each can also be set by an environment variable. Options marked
*sensitive* may come from a command or a secrets backend too: append `_cmd` or `_secret` to the name, `_CMD` or `_SECRET` to the
environment variable.

Written by `python -m directory_sync.settings`; a test compares it with the table that the program reads.
"""


def reference_page() -> str:
    """The page `docs/settings.md`."""
    parts = [_PAGE_START]
    for option in OPTIONS:
        facts = [
            ("type", option.type + (", sensitive" if option.sensitive else "")),
            ("default", f"`{option.default}`" if option.default else "empty"),
            *([("example", f"`{option.example}`")] if option.example else []),
            ("environment", f"`{option.environment_variable}`"),
            ("since", option.version_added),
        ]
        table = "\n".join(f"| {name} | {value} |" for name, value in facts)
        parts.append(f"\n## {option.name}\n\n{option.description}\n\n| | |\n|---|---|\n{table}\n")
    return "".join(parts)


if __name__ == "__main__":
    print(reference_page(), end="")  # noqa: T201 this is the page generator
