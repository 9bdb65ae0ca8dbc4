"""Pages as responses: how templates are made of contexts."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from directory_sync.portal.views.frame import Frame, is_part
from directory_sync.portal.views.templating import environment


def render(
    request: Request, template: str, frame: Frame, page: object, *, part: str = "", status: int = 200
) -> Response:
    """A page as response.

    Args:
        request: what is answered.
        template: file below `templates`.
        frame: of the page.
        page: what the template shows, as `page`.
        part: the template of the part that is enough where htmx asks.
        status: HTTP status.
    """
    name = part if part and is_part(request) else template
    text = environment().get_template(name).render(frame=frame, page=page)
    # Pages hold people's data, and the back button shows them as they are now.
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})
