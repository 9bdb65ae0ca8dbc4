"""Which section of the docs says more about which page."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINKS: Sequence[tuple[str, str]] = (
    (r"/dashboard", "pages#dashboard"),
    (r"/search", "pages#search"),
    (r"/jobs", "pages#all-jobs"),
    (r"/history", "pages#history"),
    (r"/templates", "pages#templates"),
    (r"/previews", "previews#what-it-shows"),
    (r"/drafts/[^/]+/jobs/\d+", "wizard#the-steps-of-a-job"),
    (r"/drafts/[^/]+/jobs", "wizard#jobs"),
    (r"/drafts/[^/]+/schedule", "wizard#schedule-and-notifications"),
    (r"/drafts/[^/]+/review", "wizard#review-your-changes"),
    (r"/drafts", "wizard#drafts"),
    (r"/new-collection|/collections/[^/]+/edit", "saved-collections#on-pages"),
    (r"/import-collections", "saved-collections#on-pages"),
    (r"/collections/[^/]+/versions", "saved-collections#versions"),
    (r"/collections/[^/]+/rename", "saved-collections#rename"),
    (r"/collections/[^/]+/delete", "saved-collections#save-restore-delete"),
    (r"/collections/[^/]+/template(?:\.yaml)?", "pages#templates"),
    (r"/collections/[^/]+/schedule", "saved-collections#schedule"),
    (r"/collections/[^/]+/runs", "pages#runs"),
    (r"/collections/[^/]+", "saved-collections#on-pages"),
    (r"/collections|/selected-collections", "pages#collections"),
    (r"/runs/[^/]+/[^/]+/report", "pages#report"),
    (r"/runs/[^/]+/[^/]+/log", "pages#log"),
    (r"/runs/[^/]+/[^/]+/comparison", "pages#compare-with-the-run-before"),
    (r"/requests/\d+", "approval#who-may-decide"),
    (r"/requests", "approval#in-airflows-ui"),
    (r"/plans", "how-it-works#why-a-plan-can-be-trusted"),
    (r"/embed/waiver", "approval#limits-and-waivers"),
    (r"/embed/stop", "how-it-works#stopping-a-run"),
    (r"/embed", "how-it-works#how-a-job-ends"),
)
"""Beginning of a path → page and section of the docs; the first that fits counts."""


def help_link(address: str) -> str:
    """The address of the page's section, below the portal's root."""
    path = address.partition("?")[0]
    found = next((link for start, link in _LINKS if re.match(f"(?:{start})(?:/|$)", path)), "index")
    return f"/help/{found}"
