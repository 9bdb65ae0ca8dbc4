"""Reads one setting as text: from the environment, from `airflow.cfg`, or its default, in Airflow's own
order.

Airflow itself is imported only where the value has to be asked from a command or a secrets backend, so that
the command line starts fast without it.
"""

from __future__ import annotations

import os
import re
from configparser import Error as ConfigFileError
from configparser import RawConfigParser
from functools import lru_cache
from pathlib import Path

from directory_sync.errors import SettingsError
from directory_sync.settings.options import BY_NAME, SECTION, Option


def read(name: str) -> str:
    """Return an option's value as text.

    Environment, then `airflow.cfg` (`AIRFLOW_CONFIG`, or in `AIRFLOW_HOME`), then the default. As in Airflow,
    environment variables and `~` inside a value are expanded. Raises KeyError for an option that does not
    exist, SettingsError if its value cannot be obtained.
    """
    option = BY_NAME[name]
    variable = option.environment_variable
    if variable in os.environ:
        return _expand(os.environ[variable])
    if option.sensitive and (f"{variable}_CMD" in os.environ or f"{variable}_SECRET" in os.environ):
        return _ask_airflow(option)
    configured = _config_file_section(SECTION, *_config_file())
    if name in configured:
        return _expand(configured[name])
    if option.sensitive and (f"{name}_cmd" in configured or f"{name}_secret" in configured):
        return _ask_airflow(option)
    return option.default.replace("{AIRFLOW_HOME}", str(airflow_home()))


def read_airflow(section: str, name: str) -> str:
    """Return what an option of Airflow itself is set to, by environment or `airflow.cfg`; empty if by
    neither.

    Defaults, commands and secrets backends are not asked, because that would need Airflow.
    """
    value = os.environ.get(f"AIRFLOW__{section.upper()}__{name.upper()}")
    if value is None:
        value = _config_file_section(section, *_config_file()).get(name, "")
    return _expand(value).strip()


def airflow_home() -> Path:
    """Airflow's home folder, found without importing Airflow."""
    return Path(_expand(os.environ.get("AIRFLOW_HOME", "~/airflow")))


def dags_folder() -> Path:
    """Airflow's DAG folder, `[core] dags_folder`, found likewise."""
    return Path(read_airflow("core", "dags_folder") or airflow_home() / "dags")


def config_file() -> Path:
    """Where Airflow's configuration file is, or would be."""
    configured = os.environ.get("AIRFLOW_CONFIG")
    return Path(_expand(configured)) if configured else airflow_home() / "airflow.cfg"


def _config_file() -> tuple[str, int]:
    """The configuration file and its time; 0 where there is none."""
    path = config_file()
    try:
        return str(path), path.stat().st_mtime_ns
    except OSError:
        return str(path), 0


_SECTION = re.compile(r"^\[", re.MULTILINE)


@lru_cache(maxsize=4)
def _config_file_section(section: str, path: str, modified: int) -> dict[str, str]:
    """A section of `airflow.cfg`; `modified` is there so that an edited file is read again."""
    if not modified:
        return {}
    # Values such as database URLs contain percent signs; Airflow's own options do not matter here.
    parser = RawConfigParser(strict=False)
    try:
        text = Path(path).read_text(encoding="utf-8")
        parser.read_string(_of_section(text, section), path)
    except (OSError, UnicodeDecodeError, ConfigFileError) as error:
        raise SettingsError(
            f"{path} cannot be read as a configuration file: {_reason(error)}. Correct the file."
        ) from None
    return dict(parser[section]) if parser.has_section(section) else {}


def _reason(error: Exception) -> str:
    """What is wrong with the file; quotes none of its lines, which may hold passwords."""
    if isinstance(error, ConfigFileError):
        lines = [getattr(error, "lineno", None), *(line for line, _ in getattr(error, "errors", ()))]
        line = next((line for line in lines if line), None)
        return "it has a line that is neither [section] nor key = value" + (f" (line {line})" if line else "")
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _of_section(text: str, section: str) -> str:
    """The lines of one section; all of them if none begins a section, so that the parser can say what is
    wrong.

    The file that Airflow writes is so long that parsing it took most of the time that a task has for its DAG
    file.
    """
    headers = [match.start() for match in _SECTION.finditer(text)]
    ends = [*headers[1:], len(text)]
    wanted = f"[{section}]"
    parts = [
        text[start:end] for start, end in zip(headers, ends, strict=False) if text.startswith(wanted, start)
    ]
    return "".join(parts) if headers else text


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
            f"[{SECTION}] {option.name} could not be obtained from its command or secrets backend"
            f" ({type(error).__name__}). "
            f"Run airflow config get-value {SECTION} {option.name} to see why."
        ) from None
    return str(value).strip()
