"""An HTTP server on this machine that answers as it is told: the requests API as agreed, or something
hostile.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from directory_sync.endpoints.evidence import End
from directory_sync.plan.model import PlanEvidence
from tests.scenarios.certificates import Certificate
from tests.scenarios.evidence import evidence_of
from tests.scenarios.job_results import HOSTILE

TOKEN = "eyJhbGciOiJIUzUxMiJ9.e30.sIgNaTuRe-_"
PASSWORD = "hunter2-geheim"
DIGEST = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Asked:
    """One request that the server was sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class Answer:
    """What the server sends back.

    Attributes:
        body: data that is sent as JSON, or bytes as they are.
        write: does the sending itself, for answers that no server should give.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[BaseHTTPRequestHandler], None] | None = None


Routes = Callable[[Asked], Answer]


class RestServer:
    """Runs until the block ends. `asked` holds what it was sent; `answers` may be replaced at any time."""

    def __init__(self, answers: Routes) -> None:
        self.answers = answers
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def use_tls(self, certificate: Certificate) -> None:
        """Speak TLS from now on; the address changes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    def posted(self, ending: str) -> list[Any]:
        """The bodies that were posted to paths with this ending."""
        return [each.json for each in self.asked if each.method == "POST" and each.path.endswith(ending)]


def _handler(server: RestServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(
                self.command,
                parts.path,
                parse_qs(parts.query),
                {k.lower(): v for k, v in self.headers.items()},
                body,
            )
            server.asked.append(asked)
            answer = server.answers(asked)
            try:
                if answer.write is not None:
                    answer.write(self)
                    return
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client has had enough

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler


# -- the requests API as it was agreed -----------------------------------------------------------------------


def summary(number: int = 12, **given: Any) -> dict[str, Any]:
    """A request as lists show it."""
    return {
        "id": number, "collection": "crew", "job": "people", "run_id": "manual__2026-11-22T18:58:17+00:00", "state": "pending",  # noqa: E501
        "requester": "ida", "requester_verified": True, "trigger": "manual", "reason": "Payroll said so", "description": "",  # noqa: E501
        "digest": DIGEST, "changes": 3, "statistics": {"read": 40, "created": 1, "updated": 1, "deleted": 1, "errors": 0},  # noqa: E501
        "waives": [], "filed": "2026-11-22T18:58:17Z", "expires": "2026-11-29T18:58:17Z", "escalates": None, "level": 0,  # noqa: E501
        "decided": None, "decided_by": None, "successor": None, "applied": None, "result": None,
        "url": "http://localhost:8080/plugin/dirsync/dirsync/requests/12",
    } | given  # fmt: skip


def details(number: int = 12, **given: Any) -> dict[str, Any]:
    """A request with everything about it; keys of the request itself go there."""
    own = {
        "powers",
        "waiting_for",
        "assignees",
        "decisions",
        "events",
        "limits",
        "warnings",
        "problems",
        "evidence",
    }
    return {
        "request": summary(number, **{key: value for key, value in given.items() if key not in own}),
        "powers": {"decide": "", "cancel": ""},
        "waiting_for": "bea, or someone with the role admins",
        "assignees": [
            {"kind": "user", "name": "bea", "why": "policy", "level": 0, "since": "2026-11-22T18:58:17Z"},
            {"kind": "role", "name": "admins", "why": "escalation", "level": 1, "since": "2026-11-23T18:58:17Z"},  # noqa: E501
        ],
        "decisions": [],
        "events": [{"id": 1, "kind": "filed", "actor": "ida", "text": "", "at": "2026-11-22T18:58:17Z", "data": None}],  # noqa: E501
        "limits": [
            {"kind": "create", "subject": "", "planned": 1, "base": 40, "allowed": 10, "limit": "10", "exceeded": False},  # noqa: E501
            {"kind": "delete", "subject": "", "planned": 1, "base": 40, "allowed": 0, "limit": "0", "exceeded": True},  # noqa: E501
        ],
        "warnings": ["The source has no mail."],
        "problems": [{"key": "zoidberg", "object": "line 7", "message": "no surname"}],
        "evidence": PlanEvidence(evidence_of(), evidence_of(End.NO_FILE, entries=0)).to_json(),
        **{key: value for key, value in given.items() if key in own},
    }  # fmt: skip


CHANGES = (
    {"sequence": 0, "action": "create", "key": "fry", "object": "uid=fry,dc=office",
     "fields": [{"field": "uid", "old": [], "new": ["fry"]}, {"field": "photo", "old": [], "new": [{"base64": "/9j/4A=="}]}],  # noqa: E501
     "text": "Created"},
    {"sequence": 1, "action": "update", "key": "ship", "object": "cn=ship,dc=office",
     "fields": [{"field": "member", "old": ["uid=bender"], "new": ["uid=fry"], "partial": True}], "text": "Updated",  # noqa: E501
     "result": "conflict", "message": "has changed meanwhile"},
    {"sequence": 2, "action": "delete", "key": HOSTILE, "object": f"uid={HOSTILE}", "new_object": None,
     "fields": [{"field": "description", "old": [HOSTILE], "new": []}], "text": HOSTILE},
)  # fmt: skip


def change_pages(asked: Asked, changes: tuple[dict[str, Any], ...] = CHANGES, *, size: int = 1) -> Answer:
    """Pages of changes; small ones, so that there are several."""
    after = int(asked.query.get("after", ["-1"])[0])
    wanted = [each for each in changes if asked.query.get("action", [each["action"]]) == [each["action"]]]
    left = [each for each in wanted if each["sequence"] > after]
    following = left[size - 1]["sequence"] if len(left) > size else None
    return Answer(body={"changes": left[:size], "next": following, "total": len(wanted)})


def as_agreed(request: dict[str, Any]) -> Routes:
    """The API with one request; whatever is decided about it happens."""

    def answers(asked: Asked) -> Answer:
        if asked.path == "/auth/token":
            known = asked.json == {"username": "bea", "password": PASSWORD}
            return (
                Answer(201, {"access_token": TOKEN})
                if known
                else Answer(401, {"detail": f"Wrong: {asked.body!r}"})
            )
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"detail": "Not authenticated"})
        number = request["request"]["id"]
        base = "/dirsync/api/v1/requests"
        match asked.method, asked.path.removeprefix(base):
            case "GET", "":
                return Answer(body={"requests": [request["request"]], "next": None, "total": 1})
            case "GET", path if path == f"/{number}":
                return Answer(body=request)
            case "GET", path if path == f"/{number}/changes":
                return change_pages(asked)
            case "GET", path if path == f"/{number}/changes.csv":
                return Answer(
                    body=f"action,key\r\ncreate,fry\r\ndelete,{HOSTILE}\r\n".encode(),
                    headers={"Content-Type": "text/csv"},
                )
            case "POST", path if path.startswith(f"/{number}/"):
                done = {"approve": "approved", "deny": "denied", "cancel": "cancelled"}.get(
                    path.rpartition("/")[2], "pending"
                )
                decided = (
                    {}
                    if done == "pending"
                    else {"state": done, "decided": "2026-11-22T19:00:00Z", "decided_by": "bea"}
                )
                return Answer(body={**request, "request": request["request"] | decided})
            case _:
                return Answer(404, {"detail": "There is no such request.", "error": "RequestNotFound"})

    return answers
