"""Every setting of a deployment, each with its own function that reads and checks it.

The table is in `options`; `docs/_generate/settings.py` prints the page that documents it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from directory_sync.errors import SettingsError
from directory_sync.own_dags import PREVIEWS_DAG_ID, UPKEEP_DAG_ID
from directory_sync.settings.options import BY_NAME, OPTIONS, SECTION, Option
from directory_sync.settings.people import PeopleDirectory
from directory_sync.settings.reading import airflow_home, dags_folder, read, read_airflow

if TYPE_CHECKING:
    from directory_sync.definition.reach import MailReach

__all__ = [
    "OPTIONS",
    "PREVIEWS_DAG_ID",
    "SECTION",
    "UPKEEP_DAG_ID",
    "Option",
    "PeopleDirectory",
    "airflow_home",
    "dags_folder",
    "read",
]

_Value = TypeVar("_Value")


def database_url() -> str:
    """SQLAlchemy URL of the store; holds a password, so never show it."""
    url = read("database_url").strip()
    if "://" not in url:
        raise _wrong(
            "database_url", "is not a database URL", "Use for example sqlite:////srv/directory_sync.db."
        )
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
        beside: the folder of the definition files. Where the option is empty, `include/templates` is looked
            for next to each of the folders above it.
    """
    folder = read("templates_folder").strip()
    if folder:
        return Path(folder)
    for parent in (beside.resolve(), *beside.resolve().parents)[:4] if beside else ():
        if (candidate := parent / "include" / "templates").is_dir():
            return candidate
    return None


def deployment_templates_folder() -> Path | None:
    """Folder of the deployment's own templates for definitions that are in no folder, or None: the same as
    for those in the deployment's folder of definitions.
    """
    return templates_folder(collections_folder(beside=dags_folder() / "collections.py"))


def script_modules() -> tuple[str, ...]:
    """Modules whose functions definitions may call."""
    names = tuple(name.strip() for name in read("script_modules").split(",") if name.strip())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise _wrong(
                "script_modules",
                f"names {name!r}, which is no Python module",
                "Separate module names by commas.",
            )
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


def approval_minimum() -> str:
    """The deployment's minimum policy as it is written; `directory_sync.settings.minimum` reads it.

    Empty for none.
    """
    return read("approval_minimum").strip()


def administrator_roles() -> tuple[str, ...]:
    """Roles whose members see all requests and are asked about waivers."""
    return _names("administrator_roles")


def collection_roles() -> tuple[str, ...]:
    """Roles whose members may create, edit, delete and import saved collections; none means the
    administrators'.
    """
    return _names("collection_roles")


def connection_rules() -> Path | None:
    """The file with the rules of the deployment's connections; None for no rules.

    `directory_sync.rights.reading` reads it. It is not in the data folder, where jobs could write other
    rules.
    """
    file = read("connection_rules").strip()
    if not file:
        return None
    if Path(file).resolve().is_relative_to(data_folder().resolve()):
        raise _wrong(
            "connection_rules",
            f"is {file}, in the data folder, where jobs write files",
            "Keep it where no job writes.",
        )
    return Path(file)


def endpoint_access() -> Literal["api_server", "worker"]:
    """Where pages look at endpoints."""
    where = read("endpoint_access").strip().lower()
    if where == "api_server" or (not where and _runs_tasks_here()):
        return "api_server"
    if where in ("", "worker"):
        return "worker"
    raise _wrong("endpoint_access", f"is {where!r}", "Use api_server or worker, or leave it empty.")


def _runs_tasks_here() -> bool:
    """Whether Airflow's executors start tasks on the scheduler's machine only."""
    executors = read_airflow("core", "executor") or "LocalExecutor"
    return all(name.strip().rpartition(":")[2] == "LocalExecutor" for name in executors.split(","))


def gate_poll_interval() -> float:
    """Seconds between two looks at the requests that tasks wait for."""
    seconds = _converted("gate_poll_interval", float, "a number of seconds")
    if not 0.1 <= seconds <= 3600:
        raise _wrong("gate_poll_interval", f"is {seconds:g}", "Give 0.1 to 3600 seconds.")
    return seconds


def upkeep_interval() -> timedelta:
    """How often the housekeeping DAG runs."""
    interval = _duration("upkeep_interval")
    if interval < timedelta(minutes=1):
        raise _wrong("upkeep_interval", "is shorter than a minute", "Give 1m or more.")
    return interval


def request_retention() -> timedelta | None:
    """How long requests are kept after they have ended; None: they are never deleted."""
    if not read("request_retention").strip():
        return None
    retention = _duration("request_retention")
    if retention < timedelta(days=1):
        raise _wrong("request_retention", "is shorter than a day", "Give 1d or more, or leave it empty.")
    return retention


def mail_connection() -> str:
    """Airflow connection through which mail is sent; empty for no mail."""
    return read("mail_connection").strip()


def mail_from() -> str:
    """Sender of mail; empty for what the connection says."""
    return _one_line("mail_from")


def mail_domain() -> str:
    """Mail domain of users without an address of their own; empty for none."""
    return _one_line("mail_domain").removeprefix("@")


def role_addresses() -> dict[str, str]:
    """Role → mail address of everyone who has it."""
    addresses = {}
    for part in filter(None, map(str.strip, _one_line("role_addresses").split(","))):
        role, separator, address = (each.strip() for each in part.rpartition("="))
        if not (role and separator and "@" in address):
            raise _wrong(
                "role_addresses", f"has the part {part!r}", "Write role=address, separated by commas."
            )
        addresses[role] = address
    return addresses


def notification_domains() -> frozenset[str]:
    """Domains of addresses that mail about runs may go to, in small letters; empty for any."""
    from directory_sync.definition.mail_addresses import checked_address

    parts = filter(None, map(str.strip, _one_line("notification_domains").split(",")))
    domains = frozenset(part.removeprefix("@").casefold() for part in parts)
    for domain in domains:
        if checked_address(f"x@{domain}") is None:
            raise _wrong(
                "notification_domains", f"has the part {domain!r}", "Write domains, separated by commas."
            )
    return domains


def mail_reach() -> MailReach:
    """Who mail can reach, to check definitions by. Raises SettingsError."""
    from directory_sync.definition.reach import MailReach

    return MailReach(
        sends=bool(mail_connection()),
        finds_users=bool(mail_domain() or read("people_connection").strip()),
        roles=frozenset(role_addresses()),
        domains=notification_domains(),
    )


def people_directory() -> PeopleDirectory | None:
    """Where users are looked up; None if nowhere."""
    connection = read("people_connection").strip()
    if not connection:
        return None
    base = read("people_base").strip()
    if not base:
        raise _wrong(
            "people_base", "is empty, though people_connection is set", "Give the container of the people."
        )
    names = {option: read(option).strip() for option in ("people_name", "people_mail", "people_manager")}
    for option, name in names.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
            raise _wrong(option, f"is {name!r}, which is no attribute", "Give the name of an attribute.")
    return PeopleDirectory(
        connection, base, names["people_name"], names["people_mail"], names["people_manager"]
    )


def _names(option: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in read(option).split(",") if name.strip())


def _one_line(option: str) -> str:
    """A value that goes into the head of a mail, where a line break would begin a new field."""
    value = read(option).strip()
    if any(character < " " for character in value):
        raise _wrong(option, "holds a control character", "Write it on one line.")
    return value


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
    variable = BY_NAME[name].environment_variable
    return SettingsError(
        f"Setting [{SECTION}] {name} {what}. {remedy} It is set in airflow.cfg or by {variable}."
    )
