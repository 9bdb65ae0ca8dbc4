"""The link from a task to the request for approval that it filed, waits for, or applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class RequestLink(BaseOperatorLink):
    """Leads to the request's page.

    Airflow asks for it in the worker, when the task ends or begins to wait.
    """

    name = "Request"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 Airflow hands it over
        """The address of the page, without a host; empty for a task that has to do with no request."""
        request: int | None = getattr(operator, "request", None)
        return "" if request is None else request_path(request)


def request_path(request: int) -> str:
    """The path of a request's page in Airflow's UI."""
    return f"{portal_path()}/requests/{request}"


def portal_path() -> str:
    """The path of the portal in Airflow's UI.

    Airflow shows our pages in a frame and their path after its own, each with the path that Airflow lives
    below, if any.
    """
    from airflow.sdk.configuration import conf

    below = urlsplit((conf.get("api", "base_url", fallback="") or "").strip()).path.rstrip("/")
    return f"{below}/plugin/dirsync{below}/dirsync"
