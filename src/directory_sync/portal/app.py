"""The FastAPI app that Airflow's API server mounts at `/dirsync`: pages, REST API, static files, and what
guards them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from directory_sync import __version__
from directory_sync.errors import DirectorySyncError
from directory_sync.portal import airflow_login, api
from directory_sync.portal.access import current_visitor
from directory_sync.portal.answers import answer_error, answer_http_exception, answer_invalid_body, refusal
from directory_sync.portal.concurrency_limit import ConcurrencyLimit
from directory_sync.portal.guard import SameOriginGuard
from directory_sync.portal.security_headers import SecurityHeaders
from directory_sync.portal.static_files import VersionedFiles
from directory_sync.portal.trailing_slashes import TrailingSlashes
from directory_sync.portal.views.routing import router as pages_router


def create_app() -> FastAPI:
    """Build the app. Every route needs a login, whatever it does: that is said once here, for all of them.

    Static files need none: they hold nothing but what the package brings.
    """
    app = FastAPI(
        title="Directory Sync",
        version=__version__,
        # Airflow would serve these to anyone. The REST API has a description of its own, for those who are
        # logged in.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # What FastAPI answers to a slash too many names whatever host the request says it was sent to.
        redirect_slashes=False,
        dependencies=[Depends(current_visitor)],
    )
    app.include_router(api.router)
    app.include_router(pages_router, include_in_schema=False)
    app.mount("/static", VersionedFiles(), name="static")
    app.add_exception_handler(DirectorySyncError, answer_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, answer_invalid_body)
    app.add_middleware(TrailingSlashes)
    app.add_middleware(ConcurrencyLimit, refuse=refusal)
    app.add_middleware(SameOriginGuard, refuse=refusal, own_hosts=_own_hosts)
    app.add_middleware(SecurityHeaders, refuse=refusal)  # added last, so it is around all others
    return app


def _own_hosts() -> frozenset[str]:
    """The host that `[api] base_url` names: a proxy may not pass it on."""
    host = urlsplit(airflow_login.base_url()).netloc
    return frozenset([host] if host else [])
