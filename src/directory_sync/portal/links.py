"""Addresses of the portal's own pages, as links inside the frame and as deep links that open them inside
Airflow.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, quote

from directory_sync.mail.links import airflow_segment
from directory_sync.portal import airflow_login

PREFIX = "/dirsync"
"""Where Airflow mounts the portal, below its own base path."""
FRAME = "/plugin/dirsync"
"""Airflow's page that shows the portal in a frame."""
_LONGEST_QUERY = 10_000
_MOST_PARAMETERS = 100


def portal_path(path: str = "/") -> str:
    """The address of a page of the portal by itself, for links and forms within the frame."""
    return f"{airflow_login.base_path()}{PREFIX}{path}"


def parameters(query: str) -> list[tuple[str, str]]:
    """The parameters of an address, by name and value; none where it is longer than any of the portal's."""
    if len(query) >= _LONGEST_QUERY:
        return []
    try:
        return parse_qsl(query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []


def outer_path(address: str = "/") -> str:
    """Where Airflow shows a page of the portal inside its own, without the host.

    `address`: the page's below `PREFIX`, with query. A tab of a DAG, run or task leads to that.
    """
    path, _, query = address.partition("?")
    if path.startswith("/embed/"):
        given = dict(parameters(query))
        dag_id, run_id, task_id = (given.get(name, "") for name in ("dag_id", "run_id", "task_id"))
        if path == "/embed/dag" and dag_id:
            return f"{_dag_path(dag_id)}/plugin/dirsync_dag"
        if path == "/embed/task" and dag_id and task_id:
            return f"{_dag_path(dag_id)}/tasks/{airflow_segment(task_id)}/plugin/dirsync_task"
        if dag_id and run_id:
            return run_path(dag_id, run_id, task_id if path == "/embed/ti" else "")
    return f"{airflow_login.base_path()}{FRAME}{portal_path(address)}"


def run_path(collection: str, run_id: str, job: str = "") -> str:
    """Airflow's page of a run, or of a job's task in it, with our tab open."""
    tab = f"/tasks/{airflow_segment(job)}/plugin/dirsync_ti" if job else "/plugin/dirsync_run"
    return f"{_dag_path(collection)}/runs/{airflow_segment(run_id)}{tab}"


def collection_path(collection: str) -> str:
    """Where Airflow shows a collection's own page of the portal."""
    return outer_path(f"/collections/{quote(collection, safe='')}")


def _dag_path(collection: str) -> str:
    return f"{airflow_login.base_path()}/dags/{airflow_segment(collection)}"


def request_url(request_id: int) -> str:
    """The deep link to a request, with Airflow's host if the setting `[api] base_url` names it."""
    return f"{airflow_login.base_url()}{FRAME}{portal_path(f'/requests/{request_id}')}"


def preview_url(preview_id: str) -> str:
    """The deep link to a preview, the same."""
    return f"{airflow_login.base_url()}{FRAME}{portal_path(f'/previews/{preview_id}')}"


def sign_in_path(way_back: str) -> str:
    """Airflow's sign-in, which leads to this path afterwards."""
    return f"{airflow_login.base_path()}/api/v2/auth/login?next={quote(way_back, safe='')}"
