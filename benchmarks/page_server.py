"""The portal's real app in a process of its own, over a given store and without Airflow's login."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.running import process_cpu

_START_TIMEOUT = 60.0


class PageServer:
    """A running server; a context manager.

    Attributes:
        client: asks it; its base is the portal's root.
    """

    def __init__(self, store_url: str) -> None:
        self._store_url = store_url
        self._home = tempfile.TemporaryDirectory(prefix="page-server-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}/dirsync", timeout=300, trust_env=False
        )

    def __enter__(self) -> Self:
        home = Path(self._home.name)
        (home / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
        own = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        }
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
        } | own
        arguments = [sys.executable, "-m", "benchmarks.page_server", self._store_url, str(self._port)]
        self._log = (home / "log").open("w+b")
        self._process = subprocess.Popen(
            arguments, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                self.client.get("/requests/count").raise_for_status()
            except httpx.TransportError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self._log.seek(0)
                    raise RuntimeError(
                        f"the page server did not start:\n{self._log.read().decode()}"
                    ) from None
                time.sleep(0.1)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._home.cleanup()

    def resident(self) -> int:
        """Bytes of memory that it has now; its peak begins anew from there."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most bytes of memory that it has had since `resident` was called."""
        return self._status("VmHWM")

    def cpu(self) -> float:
        """Seconds of CPU that it has taken so far."""
        return process_cpu(self._process.pid)

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _serve(store_url: str, port: int) -> None:
    import uvicorn

    from directory_sync.store.store import Store
    from tests.scenarios.portal_pages import Pages

    with Store.open(store_url) as store:
        uvicorn.run(Pages(store).app(), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
