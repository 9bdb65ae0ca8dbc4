"""What a second terminal needs to use `directory-sync` with the demo's directories."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path


def write_environment(
    home: Path,
    project: Path,
    settings: Mapping[str, str],
    connections: Mapping[str, object],
    *,
    airflow: Mapping[str, str],
) -> Path:
    """Write `environment.sh`, to be sourced by a shell; only its owner can read it, because it holds the
    demo's passwords.

    Args:
        home: the demo's folder; the file goes there.
        project: the checkout whose command comes first in PATH.
        settings: options of the section `directory_sync`.
        connections: connection id → what `AIRFLOW_CONN_…` holds as JSON.
        airflow: variables with Airflow's options, so that `doctor` and commands that ask Airflow find it.
    """
    variables = {"AIRFLOW_HOME": str(home / "airflow"), **airflow}
    variables |= {f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}": value for name, value in settings.items()}
    variables |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(project / ".venv" / "bin"))}:"$PATH"')
    file = home / "environment.sh"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
