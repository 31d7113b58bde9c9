"""The report in a real browser: no errors, tables can be sorted, search works, figures have descriptions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.files import write_json
from tests.helpers.reporting import evil_selection, grid_selection, render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here; .ci/run installs one")

# runs before the script of the page
WATCH = """<script>
window.fired = [];
window.alert = (text) => window.fired.push(text);
window.addEventListener("error", (event) => window.fired.push(event.message));
</script>"""
# acts as a reader and writes what it saw into the page
PLAY = """<script>
(async () => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const table = document.querySelector("#results table");
  const cells = (column) => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
  const heads = [...table.tHead.rows[0].cells];
  const first = heads.findIndex((cell) => cell.textContent === "P@1");
  const seen = {};
  heads[first].firstElementChild.click();
  seen.falling = cells(first);
  heads[first].firstElementChild.click();
  seen.rising = cells(first);
  seen.sort = heads[first].getAttribute("aria-sort");
  seen.all = document.getElementById("count").textContent;
  const query = document.getElementById("query");
  query.value = "FIRST";
  query.dispatchEvent(new Event("input"));
  await wait(400);
  seen.found = [...document.querySelectorAll("#cards article .text")].map((text) => text.textContent);
  seen.page = [document.getElementById("cards").children.length, document.getElementById("page").textContent];
  query.value = "";
  query.dispatchEvent(new Event("input"));
  await wait(400);
  const next = document.getElementById("next");
  for (const _ of [1, 2]) {
    next.focus();
    next.click();
  }
  seen.turned = [document.getElementById("page").textContent, document.activeElement.id];
  seen.alts = [...document.images].map((image) => [image.alt, image.complete && image.naturalWidth > 0]);
  seen.wide = document.documentElement.scrollWidth - window.innerWidth;
  seen.paper = getComputedStyle(document.body).backgroundColor;
  const controls = [...document.querySelectorAll("button, select, input, summary, a")];
  seen.unreachable = controls.filter((control) => control.tabIndex < 0).length;
  seen.fired = window.fired;
  const left = document.createElement("pre");
  left.id = "seen";
  left.textContent = JSON.stringify(seen);
  document.body.append(left);
})();
</script>"""


def visit(page: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What the simulated reader saw, and the console output of the browser."""
    text = page.read_text("utf-8").replace("<head>", "<head>" + WATCH, 1).replace("</body>", PLAY + "</body>")
    played = page.with_name("played.html")
    played.write_text(text, "utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", *options]
    command += ["--virtual-time-budget=5000", "--dump-dom", played.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(unescape(found[1])), console


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods with markup in every name, one of them with a figure of more digits."""
    root = tmp_path_factory.mktemp("page with a space")
    selection = evil_selection(root)
    for number, value in enumerate((9.5, 80.25)):
        name, path = f"other{number}", root / f"run{number}"
        shutil.copytree(root / "run", path)
        write_json(path / "metrics.json", {"accuracy": dict.fromkeys(HEADLINE, value)})
        selection["methods"][name] = {"title": name, "published_as": None, "implementation": "knn"}
        selection["runs"].append({**selection["runs"][0], "method": name, "path": str(path)})
    render(selection, root)
    return root / "report.html"


def test_sorting_and_searching_the_page_gives_no_error(page: Path) -> None:
    seen, console = visit(page, "--window-size=1200,900")
    assert seen["fired"] == [] and console == ""
    assert seen["falling"] == ["80.25", "50.00", "9.50"] and seen["rising"] == seen["falling"][::-1]
    assert seen["sort"] == "ascending"
    assert seen["all"] == "4 of 4 documents"
    assert seen["page"] == [1, "1 / 1"] and seen["turned"][0] == "1 / 1"
    assert len(seen["found"]) == 1 and seen["found"][0].startswith("first </script><script>")
    assert all(len(alt) > 20 and shown for alt, shown in seen["alts"]) and seen["alts"]
    assert seen["unreachable"] == 0


def test_thousands_of_documents_are_searched_and_paged(tmp_path: Path) -> None:
    render(grid_selection(tmp_path, ["one"], {"deep": ["single"], "flat": ["single"]}, documents=6000), tmp_path)
    seen, console = visit(tmp_path / "report.html")
    assert seen["fired"] == [] and console == ""
    assert seen["all"] == "5,000 of 5,000 documents here, spread over all 6,000"
    assert seen["found"] == []
    assert seen["turned"] == ["3 / 500", "count"], "only a page of ten is drawn, and the keyboard is at its top"


def test_the_page_fits_a_phone_and_has_a_dark_mode(page: Path) -> None:
    seen, _ = visit(page, "--window-size=500,900")  # the narrowest window without a screen
    assert seen["wide"] <= 0
    dark, _ = visit(page, "--blink-settings=preferredColorScheme=0")
    assert seen["paper"] == "rgb(255, 255, 255)" and dark["paper"] == "rgb(20, 23, 27)"
