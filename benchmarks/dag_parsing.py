"""How long Airflow needs to parse many collections, against dag-factory with DAGs of the same shape, and to
start one task.

dag-factory is no dependency: it is installed into a throw-away folder when this benchmark is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.frame import Aim, Options, Result, Sample, in_turn
from benchmarks.setting import FIELDS

COLLECTIONS, JOBS = 500, 6
DAG_FACTORY = "1.1.0"
_ROOT = Path(__file__).resolve().parent.parent
_BOUND_PARSING = """\
Half of it is reading the definitions (YAML with the place of every value, validation, checks), half is making Airflow's own
objects: DAGs and operators. A definition whose file has not changed since is not kept between two parses, because Airflow parses
in a new process each time."""  # noqa: E501
_BOUND_START = """\
One definition is read, and one DAG with its tasks is made; the rest of the folder is not looked at. Importing the package is not
counted, nor is Airflow's own start."""  # noqa: E501

_COLLECTION = """\
name: {name}
jobs:
"""
_JOB = """\
  - name: job{number}
    source: {{connection: source, container: "ou=Unit{number},dc=source,dc=example", filter: (objectClass=inetOrgPerson)}}
    destination: {{connection: destination, container: "ou=Unit{number},dc=destination,dc=example"}}
    object: inetOrgPerson
    rdn: uid
    fields:
      uid: {{from: uid, key: true}}
{fields}
"""  # noqa: E501
_FACTORY = """\
{name}:
  schedule: null
  start_date: 2026-01-01
  catchup: false
  max_active_runs: 32
  params: {{preview_only: false, reason: "", jobs: []}}
  tasks:
{tasks}"""
_TASK = """\
    - task_id: {name}
      operator: airflow.providers.standard.operators.empty.EmptyOperator
      retries: 2
      retry_delay: 60
      trigger_rule: {rule}
      dependencies: {above}
"""
_FACTORY_FILE = """\
from pathlib import Path

from airflow.sdk import DAG
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
"""


def measure(options: Options) -> list[Result]:
    """Two results: all collections, and the one that a task belongs to."""
    options.say(f"Parsing {COLLECTIONS} collections of {JOBS} jobs: preparing …")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _install(folder / "dag-factory")
        _write_collections(folder / "dags" / "collections")
        _write_factory(folder / "factory")
        environment = _environment(folder)
        subprocess.run(
            ["airflow", "db", "migrate"],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ours, theirs = folder / "dags" / "job_collections.py", folder / "factory" / "factory_dags.py"

        def parse(file: Path, wanted: str = "") -> Sample:
            return _parsed(file, wanted, environment, 1 if wanted else COLLECTIONS)

        runs, floors = in_turn(options.repeat, lambda: parse(theirs), lambda: parse(ours))
        starts = [parse(ours, "collection250") for _ in range(max(5, options.repeat))]
    shape = f"{COLLECTIONS} collections of {JOBS} jobs"
    return [
        Result(
            f"Parsing {shape}",
            f"dag-factory {DAG_FACTORY} with equivalent DAGs",
            Aim(ratio=0.5),
            runs,
            floors,
            bound=_BOUND_PARSING,
        ),
        Result(
            f"Task start among {shape}: the DAG file's part",
            "",
            Aim(seconds=0.03),
            starts,
            bound=_BOUND_START,
        ),
    ]


def _install(target: Path) -> None:
    installer = ["uv", "pip", "install", "--python", sys.executable]
    command = [*installer, "--quiet", "--no-deps", "--target", str(target), f"dag-factory=={DAG_FACTORY}"]
    subprocess.run(command, check=True)


def _write_collections(folder: Path) -> None:
    folder.mkdir(parents=True)
    fields = "\n".join(f"      {name}: {name}" for name in FIELDS if name != "uid")
    for number in range(COLLECTIONS):
        jobs = "".join(_JOB.format(number=job, fields=fields) for job in range(JOBS))
        name = f"collection{number}"
        (folder / f"{name}.yaml").write_text(_COLLECTION.format(name=name) + jobs, encoding="utf-8")
    dag_file = (_ROOT / "dags" / "job_collections.py").read_text(encoding="utf-8")
    (folder.parent / "job_collections.py").write_text(dag_file, encoding="utf-8")


def _write_factory(folder: Path) -> None:
    """DAGs of as many tasks with the same rules: jobs, what stands between them, and what closes the run."""
    folder.mkdir()
    for number in range(COLLECTIONS):
        jobs = [f"job{job}" for job in range(JOBS)]
        tasks = []
        for job in range(JOBS):
            before = [f"{jobs[job - 1]}_success"] if job else []
            tasks.append(
                _TASK.format(name=jobs[job], rule="one_done" if job else "all_success", above=before)
            )
            if job < JOBS - 1:
                tasks.append(_TASK.format(name=f"{jobs[job]}_success", rule="all_success", above=[jobs[job]]))
        tasks.append(_TASK.format(name="close", rule="all_done", above=jobs))
        text = _FACTORY.format(name=f"factory{number}", tasks="".join(tasks))
        (folder / f"factory{number}.yml").write_text(text, encoding="utf-8")
    (folder / "factory_dags.py").write_text(_FACTORY_FILE, encoding="utf-8")


def _environment(folder: Path) -> dict[str, str]:
    home = folder / "airflow"
    home.mkdir()
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "PYTHONPATH": os.pathsep.join((str(folder / "dag-factory"), str(_ROOT))),
    }


def _parsed(file: Path, wanted: str, environment: dict[str, str], expected: int) -> Sample:
    """What executing a DAG file takes, in a new process that has imported everything.

    Raises RuntimeError for missing DAGs.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.parse_file", str(file), wanted],
        env=environment,
        cwd=_ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["dags"] != expected:
        raise RuntimeError(f"{file} gave {figures['dags']} DAGs instead of {expected}")
    return Sample(figures["seconds"], figures["cpu"])
