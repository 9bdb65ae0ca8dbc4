"""The way of a collection through the portal, by what people read on the screen: imported, previewed, edited,
run, approved, and reported; in a real browser, with real Airflow, OpenLDAP and a mail server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, expect

from tests.scenarios.deployment import LONG, Deployment, approve, deployment_in, read_results, see

DEFINITION = """\
# Who is announced at the desk is a guest of the branch office.
name: announced
title: Announced guests
owners: [admin]
notifications: {when: always, to: [desk@corp.example]}
jobs:
  - name: list
    source: {file: announced.csv}
    destination: {file: list.csv}
    object: row
    fields:
      user: {from: user, key: true}
      name: name
  - name: guests
    source: {file: announced.csv}
    destination:
      connection: branch_office
      container: ou=Guests,dc=branch,dc=example
      filter: (objectClass=inetOrgPerson)
    object: inetOrgPerson
    approval: {approvers: {users: [bob]}}
    remove: all
    limits: {delete: 10}
    fields:
      uid: {from: user, key: true}
      cn: name
      sn: {from: name}
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Started, with nothing but two announced guests."""
    with deployment_in(tmp_path) as started:
        announced = "user,name\nfry,Philip Fry\nzoidberg,John Zoidberg\n"
        (started.data / "announced.csv").write_text(announced, "utf-8")
        yield started


def import_definition(frame: FrameLocator, file: Path) -> None:
    """From the list of collections to the page of the one that was imported."""
    frame.get_by_role("link", name="Collections", exact=True).first.click()
    frame.get_by_role("link", name="Import…").click()
    frame.get_by_label("File with definitions").set_input_files(file)
    frame.get_by_role("button", name="See what the file holds").click()
    see(frame, "The file holds 1 definition")
    frame.get_by_role("button", name="Import").click()
    frame.get_by_role("link", name="See announced, version 1").click()
    expect(frame.get_by_role("heading", name="Announced guests")).to_be_visible(timeout=LONG)


def preview_edit(frame: FrameLocator, edited: str) -> None:
    """From the page of the collection to what an edit that is not saved yet would cause."""
    frame.get_by_role("link", name="Edit as YAML").click()
    typed = frame.get_by_label("Definition as YAML")
    typed.fill(edited)
    frame.get_by_role("button", name="Preview").click()
    see(frame, "It is complete. Nothing was written.")
    see(frame, re.compile(r"The edit makes a difference at\s+4 objects"))


def save_edit(frame: FrameLocator, edited: str) -> None:
    """From the preview back to the page of the collection, which has another version then."""
    typed = frame.get_by_label("Definition as YAML")
    frame.get_by_role("link", name="Go on editing").click()
    expect(typed).to_have_value(edited)
    frame.get_by_label("Why").fill("Guests leave")
    frame.get_by_role("button", name="Save", exact=True).click()
    see(frame, "Version 2")


def start_run(frame: FrameLocator) -> None:
    """From the page of the collection to that of a run that waits."""
    frame.get_by_role("link", name="Run Job Collection…").first.click()
    frame.get_by_label("Reason").fill("As announced")
    frame.get_by_label("Switch it on").check()
    frame.get_by_role("button", name="Run Job Collection").click()
    see(frame, "waiting for approval")


@pytest.mark.timeout(900)
def test_from_the_file_to_the_report(deployment: Deployment, browser: Browser, tmp_path: Path) -> None:
    """An administrator imports a collection, sees what an edit causes, saves it, runs it and watches; an
    approver finds the request on Airflow's Home; directory, report, log and mail agree.
    """
    strangers = deployment.guests()
    assert len(strangers) == 4
    assert "zoidberg" not in strangers
    (tmp_path / "announced.yaml").write_text(DEFINITION, "utf-8")
    admin = deployment.logged_in(browser, "admin")
    admin.get_by_role("link", name="Dir Sync").click()
    frame = admin.frame_locator("iframe[title='Dir Sync']")
    import_definition(frame, tmp_path / "announced.yaml")

    edited = DEFINITION.replace("    remove: all\n", "    remove: all\n    missing_at_source: delete\n")
    preview_edit(frame, edited)
    assert deployment.guests() == strangers
    assert not (deployment.data / "list.csv").exists()
    save_edit(frame, edited)
    start_run(frame)
    assert (deployment.data / "list.csv").exists()
    assert deployment.guests() == strangers

    approve(deployment.logged_in(browser, "bob"), "announced / guests")
    assert deployment.guests() == ["fry", "zoidberg"]

    read_results(admin, title="Announced guests", written="Written: 4 deletions, 4 creations")
    told = [each.message["Subject"] for each in deployment.mail.received if each.to == ("desk@corp.example",)]
    assert told == [
        "Waiting for approval: announced: 2 creations",
        "Succeeded: announced: 4 deletions, 4 creations",
    ]
