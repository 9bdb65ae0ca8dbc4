"""Style sheets, scripts and icons: public, and kept by browsers as long as their address names this
version.
"""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"

_IMMUTABLE = "public, max-age=31536000, immutable"


class VersionedFiles(StaticFiles):
    """The files of the folder; an address with `?v=…` is never asked again, any other one is asked whether it
    has changed.
    """

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file, with how long it lasts."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = (
            _IMMUTABLE if scope["query_string"].startswith(b"v=") else "no-cache"
        )
        return answer
