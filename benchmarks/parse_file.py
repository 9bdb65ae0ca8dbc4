"""Executes one DAG file and prints what it took: `python -m benchmarks.parse_file FILE [DAG]`.

The clock starts when Airflow and what the file imports are there; what importing took is told beside it.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
import time
from importlib import import_module
from pathlib import Path

_BESIDE = (
    "airflow.sdk.bases.operator",
    "airflow.sdk.definitions.dag",
    "airflow.providers.standard.operators.empty",
)
"""Modules that every DAG needs and that `airflow.sdk` imports only when they are asked for."""


def main() -> int:
    """Parse once."""
    file, wanted = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    for module in _BESIDE:
        import_module(module)
    began = time.perf_counter()
    for module in re.findall(r"^(?:from|import) (\S+)", file.read_text(encoding="utf-8"), re.MULTILINE):
        import_module(module)
    imported = time.perf_counter() - began
    if wanted:
        # As a task process knows for which of the file's DAGs it is there.
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = wanted
    from airflow.sdk import DAG

    began, before = time.perf_counter(), time.process_time()
    found = runpy.run_path(str(file))
    seconds, cpu = time.perf_counter() - began, time.process_time() - before
    dags = sum(1 for value in found.values() if isinstance(value, DAG) and "." not in value.dag_id)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "imported": imported, "dags": dags}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
