"""What the demo says when Airflow does not answer as it should: which call to what, how it went wrong, and
what to do.
"""

from __future__ import annotations

from pathlib import Path

import httpx

_MOST = 300
"""Characters of an answer that are quoted."""


def failure_text(error: Exception, log: Path) -> str:
    """An error in words. `log`: of Airflow."""
    if isinstance(error, httpx.HTTPStatusError):
        return (
            f"{_call(error)} was answered with {error.response.status_code}: {_quoted(error.response)}"
            f" {_see(log)}"
        )
    if isinstance(error, httpx.TimeoutException):
        return (
            f"{_call(error)} was not answered in time. The machine may be too busy, or a part of Airflow"
            f" hangs. {_see(log)} Then start the demo again."
        )
    if isinstance(error, httpx.HTTPError):
        return (
            f"{_call(error)} failed: {str(error) or type(error).__name__}. Airflow may have ended."
            f" {_see(log)}"
        )
    return str(error) or type(error).__name__


def _call(error: httpx.HTTPError) -> str:
    try:
        request = error.request
    except RuntimeError:  # it belongs to no call
        return "A call of Airflow's REST API"
    return f"{request.method} {request.url.copy_with(query=None)} (Airflow's API server)"


def _quoted(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return f"{text[:_MOST]}…" if len(text) > _MOST else text or "no text."


def _see(log: Path) -> str:
    return f"Its log is {log}."
