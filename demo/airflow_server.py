"""`airflow standalone` with a home of its own below `.local/demo`: known logins, free ports, nothing beyond
127.0.0.1.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.airflow_api import AirflowApi
from directory_sync.doctor.bundles import WHOLE_LIST

LOGINS = {"admin": "admin", "ida": "op", "bob": "viewer", "carol": "viewer"}
"""User name → role. Each password is the user name: the demo can be reached from this machine only."""

LOG = "standalone.log"
"""What everything of Airflow writes, in its home."""

_PREFERRED_PORT = 8080
_START_TIMEOUT = 240.0


class AirflowFailedError(Exception):
    """Airflow did not start; the text says why and where its log is."""


@dataclass(frozen=True, slots=True)
class AirflowServer:
    """A started Airflow.

    `process` leads a session that holds everything it started; `claim` keeps its port from other demos.
    `options` are variables of the environment with Airflow's options, without its keys.
    """

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    claim: socket.socket
    options: Mapping[str, str]

    def wait_until_healthy(self, api: AirflowApi, tell: Callable[[float], None]) -> None:
        """Wait until every component is healthy; `tell` hears the seconds from time to time.

        Raises AirflowFailedError.
        """
        begin = time.monotonic()
        while not api.healthy():
            seconds = time.monotonic() - begin
            if self.process.poll() is not None:
                raise AirflowFailedError(
                    f"Airflow ended with status {self.process.returncode}.\n{self.log_end()}"
                )
            if seconds > _START_TIMEOUT:
                raise AirflowFailedError(f"Airflow is not healthy after {seconds:.0f} s.\n{self.log_end()}")
            tell(seconds)
            time.sleep(0.5)

    def log_end(self, lines: int = 30) -> str:
        """The last lines of Airflow's log, with its place."""
        text = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return "\n".join([*text, f"The whole log is {self.log}."])


def start_airflow(
    *, home: Path, project: Path, settings: Mapping[str, str], connections: Mapping[str, object]
) -> AirflowServer:
    """Start Airflow in a fresh home folder.

    Args:
        home: becomes AIRFLOW_HOME.
        project: the checkout whose `dags/` and `plugins/` are used.
        settings: options of the section `directory_sync`.
        connections: connection id → what `AIRFLOW_CONN_…` holds as JSON. They live in the environment only.
    """
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({user: user for user in LOGINS}), encoding="utf-8")
    passwords.chmod(0o600)
    # Without a file Airflow writes one with every default in it, 120 kB that would hide what the demo sets.
    configuration = home / "airflow.cfg"
    configuration.write_text("[core]\nload_examples = False\n", encoding="utf-8")
    configuration.chmod(0o600)
    port, claim = _free_port(_PREFERRED_PORT)
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    options = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{role}" for user, role in LOGINS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        # Whoever edits a definition wants to see it now, not after Airflow's half minutes.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": WHOLE_LIST,
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    }
    environment |= options
    environment |= {
        "AIRFLOW_HOME": str(home),
        "PATH": f"{_wrapper(home / 'bin')}:{environment.get('PATH', os.defpath)}",
        "NO_COLOR": "1",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
    }
    environment |= {f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}": value for name, value in settings.items()}
    environment |= {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
    log = home / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["airflow", "standalone"],
            env=environment,
            executable=str(home / "bin" / "airflow"),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return AirflowServer(process, url, log, claim, options)


def _wrapper(folder: Path) -> Path:
    """A folder with an `airflow` command that starts no log servers.

    Scheduler and triggerer would each serve their logs to the whole network, and no setting tells them to
    listen on 127.0.0.1 only. On one machine nobody asks those servers: the API server reads the log files.
    """
    airflow = shutil.which("airflow", path=str(Path(sys.executable).parent)) or shutil.which("airflow")
    if airflow is None:
        raise AirflowFailedError("There is no airflow command in this environment. Run make setup.")
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "airflow"
    wrapper.write_text(
        "#!/bin/sh\n"
        'case "$1" in scheduler | triggerer) set -- "$@" --skip-serve-logs ;; esac\n'
        f'exec {shlex.quote(airflow)} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    return folder


def _free_port(preferred: int) -> tuple[int, socket.socket]:
    """A port that nobody listens on, and what keeps other demos from it as long as it is open.

    Airflow takes many seconds until it listens. Another demo that began meanwhile would take the same port,
    find somebody healthy there, and show, or change, what is not its own.
    """
    for candidate in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the demo before may just have ended
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
        claim = socket.socket(socket.AF_UNIX)
        try:
            if sys.platform == "linux":
                claim.bind(
                    f"\0airflow-directory-sync demo, port {port}"
                )  # has no file, and ends with the process
        except OSError:
            claim.close()
            continue
        return port, claim
    raise AirflowFailedError("No port of 127.0.0.1 is free.")
