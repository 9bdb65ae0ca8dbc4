"""Addresses of the portal's own pages, as links inside the frame and as deep links that open them inside Airflow."""

from __future__ import annotations

from urllib.parse import quote

from directory_sync.portal import airflow_login

PREFIX = "/dirsync"
"""Where Airflow mounts the portal, below its own base path."""
FRAME = "/plugin/dirsync"
"""Airflow's page that shows the portal in a frame."""


def portal_path(path: str = "/") -> str:
    """The address of a page of the portal by itself, for links and forms within the frame."""
    return f"{airflow_login.base_path()}{PREFIX}{path}"


def outer_path(path: str = "/") -> str:
    """The address at which Airflow shows that page inside its own, without the host."""
    return f"{airflow_login.base_path()}{FRAME}{portal_path(path)}"


def request_url(request_id: int) -> str:
    """The deep link to a request, with Airflow's host if the setting `[api] base_url` names it."""
    return f"{airflow_login.base_url()}{FRAME}{portal_path(f'/requests/{request_id}')}"


def sign_in_path(path: str) -> str:
    """Airflow's sign-in, which leads back to a page of the portal (with query, below `PREFIX`)."""
    return f"{airflow_login.base_path()}/api/v2/auth/login?next={quote(outer_path(path), safe='')}"
