"""The way of a new collection, by what people read on the screen: from *Create New → Job Collection* to the
report of an approved run, without YAML; in a real browser, with real Airflow, OpenLDAP and a mail server.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, expect

from tests.scenarios.deployment import GUESTS, LONG, Deployment, approve, deployment_in, read_results, see
from tests.scenarios.htmx import click_in_page

LISTS = """\
name: lists
title: Lists of the reception
jobs:
  - name: list
    description: Who is announced
    source: {file: announced.csv}
    destination: {file: list.csv}
    object: row
    fields:
      user: {from: user, key: true}
      name: name
  - name: badges
    source: {file: announced.csv}
    destination: {file: badges.csv}
    object: row
    fields:
      badge: {from: user, key: true}
      name: {left: name, length: 12}
"""
ANNOUNCED = """\
user,name,surname,note
fry,Philip Fry,Fry,"<b>late</b>"
zoidberg,John Zoidberg,Zoidberg,"eats, everything"
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Started, with a collection of two jobs in a file, and two announced guests."""
    with deployment_in(tmp_path, {"lists.yaml": LISTS}) as started:
        (started.data / "announced.csv").write_text(ANNOUNCED, "utf-8")
        yield started


def next_step(frame: FrameLocator, heading: str) -> None:
    """Press the button, and see the step that it leads to."""
    frame.get_by_role("button", name="Next Step").click()
    expect(frame.get_by_role("heading", name=heading, level=2)).to_be_visible(timeout=LONG)


def copy_jobs(frame: FrameLocator) -> None:
    """Both jobs that there are."""
    click_in_page(frame.get_by_role("link", name="Add Existing Jobs"))
    dialog = frame.get_by_role("dialog")
    for job in ("list", "badges"):
        dialog.get_by_role("checkbox", name=re.compile(job)).first.check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    see(frame, "The jobs were copied")


def point_at_places(frame: FrameLocator) -> None:
    """*Source and Destination*: the file, picked from the list, and the container, picked from the tree."""
    source, destination = (frame.locator(f"[data-side={side}]") for side in ("source", "destination"))
    source.get_by_role("radio", name="File", exact=True).check()
    source.get_by_role("button", name="Pick a file").click()
    source.get_by_role("button", name="announced.csv").click()
    source.get_by_role("button", name="Test Query").click()
    expect(source.get_by_text("2 records")).to_be_visible(timeout=LONG)
    destination.get_by_role("button", name="branch_office", exact=True).click()
    destination.get_by_role("button", name="Test of the").first.click()
    expect(destination.get_by_text("The connection works.")).to_be_visible(timeout=LONG)
    destination.get_by_role("button", name="Pick a container").click()
    destination.get_by_role("button", name="Open dc=branch,dc=example").click()
    expect(destination.locator(".tree").get_by_text("4 objects")).to_be_visible(timeout=LONG)
    destination.get_by_role("button", name="ou=Guests", exact=True).click()
    destination.get_by_label("Attribute").fill("objectClass")
    destination.get_by_label("Value", exact=True).fill("inetOrgPerson")
    destination.get_by_role("button", name="Add Condition").click()
    expect(destination.get_by_label("Filter").first).to_have_value("(objectClass=inetOrgPerson)")


def map_fields(frame: FrameLocator) -> None:
    """*Fields and Mapping*: what must be mapped has a line; then what would become of one record."""
    frame.get_by_label("Object type").select_option(label="inetOrgPerson")
    expect(frame.get_by_role("heading", name="Fields of the destination")).to_be_visible(timeout=LONG)
    frame.get_by_role("button", name="Add lines").click()
    for field, source in (("cn", "name"), ("sn", "surname")):
        frame.get_by_label(f"Source of {field}", exact=True).fill(source)
    empty = frame.locator("table.mapping tbody tr", has=frame.get_by_label("Destination field", exact=True))
    for number, (field, source) in enumerate((("uid", "user"), ("description", "note"))):
        empty.nth(number).get_by_label("Destination field", exact=True).fill(field)
        empty.nth(number).get_by_label("Source of a new field").fill(source)
    frame.get_by_role("button", name="Save draft", exact=True).last.click()
    frame.get_by_label("Key: uid").check()
    frame.get_by_label("Field of the source").fill("user")
    frame.get_by_label("Its value").fill("fry")
    frame.get_by_role("button", name="Try one record").click()
    see(frame, "An object would be created.")


def add_job(frame: FrameLocator) -> None:
    """A new job, through all of its steps."""
    frame.get_by_role("button", name="Add New Job").click()
    frame.get_by_label(re.compile("^Name")).fill("guests")
    next_step(frame, "Source and Destination")
    point_at_places(frame)
    next_step(frame, "Fields and Mapping")
    map_fields(frame)
    next_step(frame, "Missing Records and Limits")
    gone = frame.get_by_role("group", name="Missing at source")
    gone.get_by_role("radio", name="Delete it").check()
    frame.get_by_label("What may be removed").select_option(value="all")
    frame.get_by_label("Delete", exact=True).fill("10")
    next_step(frame, "Approval and Settings")
    frame.get_by_role("radio", name="A policy of this job").check()
    frame.get_by_role("group", name="Approvers").first.get_by_label("User 1").fill("bob")
    frame.get_by_role("button", name="Save draft", exact=True).last.click()
    see(frame, "bob")
    next_step(frame, "Review Your Changes")
    frame.get_by_role("button", name="Back to the Collection").click()
    expect(frame.get_by_role("heading", name="Jobs", level=2)).to_be_visible(timeout=LONG)


def put_in_order(frame: FrameLocator) -> None:
    """The new job between the other two, and what happens when it fails."""
    frame.get_by_role("button", name="Move Up guests").click()
    expect(frame.locator(".draft-jobs td.what strong")).to_have_text(["list", "guests", "badges"])
    frame.get_by_label("On Failure of guests").select_option(label="Continue")


def set_schedule(frame: FrameLocator) -> None:
    """*Schedule and Notifications*: every night, and mail always."""
    daily = frame.locator(".variant", has=frame.get_by_role("radio", name="Daily"))
    daily.get_by_role("radio", name="Daily").check()
    daily.get_by_label("Time").fill("03:15")
    frame.get_by_label("Time zone").fill("Europe/Berlin")
    frame.get_by_label("Time zone").blur()
    see(frame, "at 03:15 (Europe/Berlin)")
    frame.get_by_label("Send mail").select_option(label="Always")
    frame.get_by_label("Recipient 1").first.fill("desk@corp.example")


def finish(frame: FrameLocator) -> None:
    """*Review Your Changes*, and the preview that *Finish* leads to."""
    expect(frame.get_by_label("Preview job collection when finished")).to_be_checked()
    expect(frame.get_by_label("Switch on when finished")).to_be_checked()
    frame.get_by_label("Why").fill("Reception asked for it")
    frame.get_by_role("button", name="Finish").click()
    see(frame, "It is complete. Nothing was written.")


def written_rows(deployment: Deployment, name: str) -> list[str]:
    """The rows of a file, once a job has written it."""
    file = deployment.data / name
    deadline = time.monotonic() + LONG / 1000
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return file.read_text("utf-8").splitlines()[1:]


@pytest.mark.timeout(900)
def test_from_create_new_to_the_report(deployment: Deployment, browser: Browser) -> None:
    """A collection of two copied jobs and a new one is made, previewed, switched on, run, approved and
    reported; directory, files, report, log and mail agree.
    """
    strangers = deployment.guests()
    admin = deployment.logged_in(browser, "admin")
    admin.get_by_role("link", name="Dir Sync").click()
    frame = admin.frame_locator("iframe[title='Dir Sync']")
    frame.get_by_text("Create New", exact=True).click()
    frame.get_by_role("button", name="Job Collection", exact=True).click()
    frame.get_by_label("Title").fill("Announced guests")
    expect(frame.get_by_label(re.compile("^Name"))).to_have_value("announced_guests")
    next_step(frame, "Jobs")
    copy_jobs(frame)
    add_job(frame)
    put_in_order(frame)
    next_step(frame, "Schedule and Notifications")
    set_schedule(frame)
    next_step(frame, "Review Your Changes")
    finish(frame)
    assert deployment.guests() == strangers
    assert sorted(each.name for each in deployment.data.iterdir()) == ["announced.csv"]

    frame.get_by_role("link", name="announced_guests").first.click()
    see(frame, re.compile("In Airflow"))
    frame.get_by_role("link", name="Run Job Collection…").first.click()
    expect(frame.get_by_label("Switch it on")).to_have_count(0)
    frame.get_by_label("Reason").fill("As announced")
    frame.get_by_role("button", name="Run Job Collection").click()
    see(frame, "waiting for approval")
    assert written_rows(deployment, "list.csv") == ["fry,Philip Fry", "zoidberg,John Zoidberg"]
    assert written_rows(deployment, "badges.csv") == ["fry,Philip Fry", "zoidberg,John Zoidber"]
    assert deployment.guests() == strangers

    approve(deployment.logged_in(browser, "bob"), "announced_guests / guests")
    assert deployment.guests() == ["fry", "zoidberg"]
    written = base64.b64encode(b"<b>late</b>").decode()
    assert f"description:: {written}" in deployment.directory.search(GUESTS, "(uid=fry)", "description")

    read_results(admin, title="Announced guests", written="Written: 4 deletions, 6 creations")
    told = [each.message["Subject"] for each in deployment.mail.received if each.to == ("desk@corp.example",)]
    waiting, done = told
    assert waiting.startswith("Waiting for approval: announced_guests: ")
    assert done == "Succeeded: announced_guests: 4 deletions, 6 creations"
