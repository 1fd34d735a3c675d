"""The pages in a real browser: drawn, reachable by keyboard and screen reader, and on their own."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.catalog import Catalog
from orchestrator.stores import Stores
from tests.ports import free_port
from tests.unit.dashboards.conftest import SMALL, made_up, planned
from workers.contract.results import TrialFailure
from workers.contract.trial import Method

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "axe" / "axe.min.js"
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    stores = Stores.at(folder / "workspace")
    stores.prepare()
    plan = planned(folder, SMALL)
    with Catalog.open(stores.catalog_url) as catalog:
        submission = catalog.begin_submission("small", SMALL, list(plan.trials.values()))
        for trial in plan.trials.values():
            if trial.method is Method.HEAD_ONLY:
                failure = {"reason": "diverged", "message": "loss <b>nan</b>", "at_unix_ms": 0}
                catalog.record_failure("small", TrialFailure(trial_id=trial.trial_id, **failure))
            elif trial.seed < 2:
                catalog.record_result("small", made_up(trial, plan.trials))
        yield stores, catalog, plan, submission


@pytest.fixture(scope="module")
def server(workspace):
    stores = workspace[0]
    port = free_port()
    words = ["dashboard", "-w", str(stores.workspace.root), "--port", str(port)]
    command = [sys.executable, "-m", "orchestrator.command_line", *words]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline().decode()
            assert f"http://127.0.0.1:{port}/" in said, said
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser():
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no browser here: chromium and chromedriver are not on PATH")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--disable-background-networking")
    made = webdriver.Chrome(options, Service(driver))
    made.set_page_load_timeout(60)
    yield made
    made.quit()


def visit(browser, address, *, size="desk", dark=False):
    width, height = WIDTHS[size]
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(address)
    until(lambda: browser.execute_script("return document.documentElement.dataset.ready"))


def until(true, limit_s=60.0):
    deadline = time.monotonic() + limit_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def draw_all(browser):
    """Scroll until every figure has come near the window and is drawn."""
    script = """
    const every = [...document.querySelectorAll("figure[data-figure]")];
    const left = every.filter((figure) => !figure.dataset.done);
    if (left.length) left[0].scrollIntoView();
    return left.length === 0;
    """
    until(lambda: browser.execute_script(script), 120)


def found_by_axe(browser):
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    result = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    return [
        (each["id"], each["impact"], each["nodes"][0]["html"][:200])
        for each in result["violations"]
        if each["impact"] in SERIOUS
    ]


def pages(catalog):
    board = [row.configuration for row in catalog.leaderboard("small", limit=2)]
    trial = next(t for t in catalog.trials() if t.method is Method.ADAPTER)
    return [
        "/",
        "/sweep?sweep=small",
        "/sweep?sweep=small&task=rte&method=adapter",
        "/grid?sweep=small",
        "/group?sweep=small&by=method,epochs",
        "/trials?sweep=small",
        f"/compare?c={board[0]}&c={board[1]}",
        f"/trial/{trial.trial_id}",
        "/adapters",
        "/sweep?sweep=missing",
        "/trials?min_score=high",
    ]


@pytest.mark.parametrize("number", range(11))
def test_every_page_is_whole_reachable_and_on_its_own(browser, server, workspace, number):
    path = pages(workspace[1])[number]
    expected_status = "missing" in path or "high" in path
    for size, dark in (("desk", False), ("phone", True)):
        browser.get_log("performance")
        browser.get_log("browser")
        visit(browser, server + path, size=size, dark=dark)
        draw_all(browser)
        assert found_by_axe(browser) == [], (path, size, dark)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= WIDTHS[size][0], "the page itself is wider than the window"
        failed = browser.execute_script(
            "return [...document.querySelectorAll('figure[data-done=no]')].map(f => f.innerText)"
        )
        assert failed == []
        said = [line["message"] for line in browser.get_log("browser")]
        assert [line for line in said if not (expected_status and "status of 40" in line)] == []
        assert hosts_asked(browser) <= {urlsplit(server).netloc}


def hosts_asked(browser):
    """Return every host that the page sent a request to."""
    messages = (json.loads(line["message"])["message"] for line in browser.get_log("performance"))
    asked = (m["params"] for m in messages if m["method"] == "Network.requestWillBeSent")
    urls = [urlsplit(params["request"]["url"]) for params in asked]
    return {url.netloc for url in urls if url.scheme not in ("data", "chrome", "about")}


def test_filters_sorting_and_comparing_by_hand(browser, server):
    by = pytest.importorskip("selenium.webdriver.common.by").By
    from selenium.webdriver.support.ui import Select

    visit(browser, f"{server}/sweep?sweep=small")
    Select(browser.find_element(by.NAME, "task")).select_by_value("rte")
    until(lambda: "task=rte" in browser.current_url)
    assert "=&" not in browser.current_url, "what is empty stays out of the address"
    assert [c.text.split() for c in browser.find_elements(by.CSS_SELECTOR, ".chip")] == [
        ["Leave", "out", "task", "rte", "×"]
    ]
    boxes = browser.find_elements(by.CSS_SELECTOR, "#leaderboard input[name=c]")
    button = browser.find_element(by.CSS_SELECTOR, "#compare button")
    assert not button.is_enabled()
    for box in boxes[:3]:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
        box.click()
    assert button.is_enabled()
    button.click()
    until(lambda: "/compare?" in browser.current_url)
    assert len(browser.find_elements(by.CSS_SELECTOR, ".sides li")) == 3
    draw_all(browser)
    assert browser.find_elements(by.CSS_SELECTOR, "#figure-learning_curves svg")
    visit(browser, f"{server}/trials?sweep=small")
    browser.find_element(by.LINK_TEXT, "took").click()
    until(lambda: "sort=-duration_s" in browser.current_url)
    heading = browser.find_element(by.CSS_SELECTOR, "th[aria-sort]")
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_keyboard_reaches_everything(browser, server):
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    by = pytest.importorskip("selenium.webdriver.common.by").By
    visit(browser, f"{server}/sweep?sweep=small")
    body = browser.find_element(by.TAG_NAME, "body")
    body.send_keys(keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the content"
    browser.switch_to.active_element.send_keys(keys.ENTER)
    seen = []
    for _ in range(40):
        browser.switch_to.active_element.send_keys(keys.TAB)
        seen.append(browser.switch_to.active_element.get_attribute("name"))
    assert {"task", "method", "seed", "text", "c"} <= set(seen)


def test_a_running_sweep_updates_by_itself(browser, server, workspace):
    _, catalog, plan, submission = workspace
    visit(browser, f"{server}/sweep?sweep=small")
    before = catalog.counts("small")["finished"]

    def shown():
        # In one step: an element that was found may be replaced before its text is asked for.
        return browser.execute_script(
            "return document.querySelector('#progress dd a').textContent.trim()"
        )

    assert shown() == str(before)
    trial = next(t for t in plan.trials.values() if t.seed == 2 and t.method is Method.ADAPTER)
    catalog.claim([trial.trial_id], submission.id)
    catalog.record_result("small", made_up(trial, plan.trials))
    until(lambda: shown() == str(before + 1), 90)


def test_what_somebody_named_a_task_stays_text(browser, server):
    visit(browser, f"{server}/trials?text=%3Cscript%3Edocument.title%3D1%3C/script%3E")
    assert browser.title.startswith("Trials")
    script = "const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
    browser.execute_script(f"{script} document.body.append(s)")
    assert browser.execute_script("return window.ran") is None, "the policy forbids inline scripts"
    assert re.search("Content Security Policy", str(browser.get_log("browser")))
