"""A deployment as a person meets it: Airflow with the pages, the directory of the branch office, a mail
server, and browsers in which people have logged in.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect

from demo.airflow_api import AirflowApi
from demo.airflow_server import start_airflow
from demo.directories import Directory, branch_office
from demo.processes import Ledger
from tests.scenarios.airflow_database import airflow_database
from tests.scenarios.htmx import click_in_page
from tests.scenarios.smtp import SmtpServer

PROJECT = Path(__file__).parent.parent.parent
LONG = 200_000  # milliseconds; Airflow on a busy machine
GUESTS = "ou=Guests,dc=branch,dc=example"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Airflow with one directory and one mail server.

    Attributes:
        url: where Airflow is.
        data: folder of the data files.
        directory: what the connection `branch_office` leads to.
        mail: what the deployment sends mail through.
    """

    url: str
    data: Path
    directory: Directory
    mail: SmtpServer

    def guests(self) -> list[str]:
        """The user names of all guests, sorted."""
        found = self.directory.search(GUESTS, "(uid=*)", "uid")
        return sorted(re.findall(r"^uid: (.*)$", found, re.MULTILINE))

    def logged_in(self, browser: Browser, user: str) -> Page:
        """A page of a person who has logged in at Airflow's form, in a browser of their own."""
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(LONG)
        page = context.new_page()
        page.goto(self.url)
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill(user)
        page.get_by_role("button", name="Sign in").click()
        return page


@contextlib.contextmanager
def deployment_in(folder: Path, collections: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """Started, with an empty folder of data files. `collections`: file name → definition."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(branch_office(folder / "office", Ledger(folder / "processes")))
        mail = stack.enter_context(SmtpServer())
        for name in ("collections", "data", "airflow"):
            (folder / name).mkdir()
        for name, text in (collections or {}).items():
            (folder / "collections" / name).write_text(text, "utf-8")
        plain = {"disable_ssl": True, "disable_tls": True, "timeout": 5, "retry_limit": 1}
        airflow_database(folder / "airflow")
        server = start_airflow(
            home=folder / "airflow",
            project=PROJECT,
            settings={
                "collections_folder": str(folder / "collections"),
                "data_folder": str(folder / "data"),
                "gate_poll_interval": "0.5",
                "mail_connection": "mail",
                "mail_from": "sync@corp.example",
                "mail_domain": "corp.example",
            },
            connections={
                "branch_office": directory.connection(),
                "mail": {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port, "extra": plain},
            },
        )
        try:
            api = AirflowApi(server.url)
            server.wait_until_healthy(api, lambda seconds: None)
            api.close()
            yield Deployment(server.url, folder / "data", directory, mail)
        finally:
            os.killpg(server.process.pid, signal.SIGTERM)
            server.process.wait(30)
            server.claim.close()


def see(frame: FrameLocator, text: str | re.Pattern[str]) -> None:
    """Wait until it can be seen."""
    expect(frame.get_by_text(text).first).to_be_visible(timeout=LONG)


def approve(bob: Page, link: str) -> None:
    """From Airflow's Home to a request that was applied: four guests leave, two come."""
    card = bob.get_by_label("Directory Sync", exact=True)
    expect(card.get_by_text("1 request waits for you")).to_be_visible(timeout=LONG)
    card.get_by_role("link", name=link).click()
    asked = bob.frame_locator("iframe[title='Dir Sync']")
    click_in_page(asked.get_by_role("button", name="Approve…"))
    dialog = asked.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("They have left")
    dialog.get_by_role("button", name="Approve 4 deletions, 2 creations").click()
    see(asked, "Approved by bob, and applied")


def read_results(page: Page, *, title: str, written: str) -> None:
    """From the list of collections to the report and the log of the run that has succeeded."""
    frame = page.frame_locator("iframe[title='Dir Sync']")
    frame.get_by_role("link", name="Collections", exact=True).first.click()
    frame.get_by_role("link", name=title).first.click()
    see(frame, "succeeded")
    frame.get_by_role("link", name="All runs, with filters").click()
    row = frame.get_by_role("row").filter(has_text="succeeded").first
    row.get_by_role("link").first.click()
    results = page.frame_locator("iframe[title='Sync results']")
    see(results, written)
    results.get_by_role("link", name="Report", exact=True).first.click()
    see(frame, "zoidberg")
    frame.get_by_role("link", name="Log", exact=True).click()
    see(frame, "Created zoidberg")
