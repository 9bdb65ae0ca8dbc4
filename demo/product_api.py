"""The few calls of the product's own REST API that the demo makes, as one user, through real HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from demo.airflow_server import AirflowFailedError


class ProductApi:
    """Requests for approval and saved collections, as one user sees them."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        answer = self._client.post("/auth/token", json={"username": user, "password": password})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def inbox(self) -> list[dict[str, Any]]:
        """What waits for this user."""
        return list(self._get("/requests", list="inbox")["requests"])

    def request(self, number: int) -> dict[str, Any]:
        """One request, with everything about it."""
        return dict(self._get(f"/requests/{number}"))

    def changes(self, number: int) -> list[dict[str, Any]]:
        """What the request asks for, change by change."""
        return list(self._get(f"/requests/{number}/changes")["changes"])

    def decide(self, number: int, answer: str, digest: str, reason: str = "") -> tuple[int, dict[str, Any]]:
        """`approve` or `deny`; the status and what was said."""
        body = {"digest": digest, "reason": reason}
        said = self._client.post(f"/dirsync/api/v1/requests/{number}/{answer}", json=body)
        return said.status_code, dict(said.json())

    def save(self, name: str, text: str, comment: str) -> None:
        """Save a new collection."""
        body = {"text": text, "expected": 0, "comment": comment}
        answer = self._client.put(f"/dirsync/api/v1/collections/{name}", json=body)
        if answer.is_error:
            raise AirflowFailedError(f"The collection {name} was not saved:\n{answer.text}")

    def _get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/dirsync/api/v1{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()
