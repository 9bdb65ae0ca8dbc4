"""Airflow as people meet it: `airflow standalone` with its pages in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from demo.airflow_api import AirflowApi
from demo.airflow_server import AirflowServer, start_airflow

PROJECT = Path(__file__).parent.parent.parent
DEFINITION = """
name: staff_to_phone_list
title: Staff to phone list
jobs:
  - name: phones
    source: {file: staff.csv}
    destination: {file: phones.csv}
    object: row
    fields:
      user: {from: user, key: true}
      phone: phone
"""
LONG = 60_000  # milliseconds; Airflow on a busy machine


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServer]:
    """Airflow with one collection, and one whose definition is broken."""
    folder = tmp_path_factory.mktemp("browser")
    collections, data = folder / "collections", folder / "data"
    collections.mkdir()
    data.mkdir()
    (collections / "staff.yaml").write_text(DEFINITION, encoding="utf-8")
    (collections / "broken.yaml").write_text("name: broken_one\njobs: <script>alert(1)</script>\n", encoding="utf-8")
    (data / "staff.csv").write_text("user,phone\nfry,+1 212 <b>100</b>\n", encoding="utf-8")
    settings = {"collections_folder": str(collections), "data_folder": str(data)}
    server = start_airflow(home=folder / "airflow", project=PROJECT, settings=settings, connections={})
    try:
        api = AirflowApi(server.url)
        server.wait_until_healthy(api, lambda seconds: None)
        api.log_in("admin", "admin")
        deadline = time.monotonic() + 120
        while not (api.has_dag("staff_to_phone_list") and api.has_dag("broken_one")):
            assert time.monotonic() < deadline, server.log_end()
            time.sleep(0.5)
        api.unpause("staff_to_phone_list")
        api.close()
        yield server
    finally:
        os.killpg(server.process.pid, signal.SIGTERM)
        server.process.wait(30)


@pytest.fixture
def page(airflow: AirflowServer) -> Iterator[Page]:
    """A page of somebody who has logged in."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        pytest.skip("chromium is not installed")
    api = AirflowApi(airflow.url)
    api.log_in("ida", "ida")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=options)
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.add_cookies([{"name": "_token", "value": api.token, "url": airflow.url}])
        yield context.new_page()
        browser.close()
    api.close()


def test_an_operator_starts_a_run_and_reads_what_was_done(airflow: AirflowServer, page: Page) -> None:
    """The trigger form can be sent as it is; the run succeeds, and the task's log says field by field what was written."""
    page.goto(f"{airflow.url}/dags/staff_to_phone_list")
    page.get_by_role("button", name="Trigger").first.click(timeout=LONG)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Preview only")).to_be_visible(timeout=LONG)
    dialog.get_by_role("button", name="Trigger").click(timeout=LONG)
    page.wait_for_url("**/runs/manual__*", timeout=LONG)
    expect(page.get_by_text("Success").first).to_be_visible(timeout=LONG)
    page.goto(f"{page.url}/tasks/phones")
    expect(page.get_by_text("Created fry").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("+1 212 <b>100</b>").first).to_be_visible(timeout=LONG)


def test_a_broken_definition_shows_its_error(airflow: AirflowServer, page: Page) -> None:
    """The DAG of a broken file is tagged, and its documentation says what is wrong, without obeying what the file says."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{airflow.url}/dags/broken_one")
    expect(page.get_by_text("broken definition").first).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Dag Docs").click(timeout=LONG)
    expect(page.get_by_text("broken.yaml:2").first).to_be_visible(timeout=LONG)
    assert dialogs == []
