"""The documents: tables of docs/measured/, links, and what the README says of the tree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.helpers.project import ROOT

HEAD = "variant,P@1,P@1 std,seeds,date,commit,command,hardware,source,note\n"
GOOD = "ours,71.20,0.30,3,2026-11-28,,,2 cores,,\n"


DOCUMENTS = [*ROOT.glob("*.md"), ROOT / "config/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run(folder: Path, rows: str, *options: str) -> tuple[int, str]:
    """Write one page with one table of `rows` and run a copy of docs/measured.py on it."""
    (folder / "measured/corpus").mkdir(parents=True, exist_ok=True)
    page = folder / "measured/corpus.md"
    if not page.exists():
        page.write_text("# Corpus\n\n<!-- table: methods -->\n<!-- end of table -->\n", encoding="utf-8")
    (folder / "measured/corpus/methods.csv").write_text(rows, encoding="utf-8")
    program = folder / "measured.py"
    program.write_bytes((ROOT / "docs/measured.py").read_bytes())
    done = subprocess.run([sys.executable, program, *options], capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stderr


def test_a_page_shows_its_result_file_and_notices_a_change(tmp_path: Path) -> None:
    assert run(tmp_path, HEAD + GOOD) == (0, "")
    assert "| ours | 71.20 ± 0.30 |\n" in (tmp_path / "measured/corpus.md").read_text(encoding="utf-8")
    assert run(tmp_path, HEAD + GOOD, "--check") == (0, "")
    code, said = run(tmp_path, HEAD + GOOD.replace("71.20", "71.30"), "--check")
    assert code == 1 and "corpus.md: a table is not that of its result file" in said


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (",3,2026", ",,2026", "seeds must be a number of runs"),
        (",3,2026", ",1,2026", "P@1 std of a single run"),
        ("2026-11-28", "28 Nov", "date must look like"),
        ("2 cores", "", "give the hardware of a run"),
        ("71.20,0.30", ",", "the row has no figure"),
        ("71.20", "about 71", "P@1 must be a number"),
        ("ours", "", "variant must be given"),
        (",,\n", ",\n", "as many cells"),
    ],
)
def test_a_row_that_lacks_a_field_is_refused_with_its_line(tmp_path: Path, good: str, bad: str, said: str) -> None:
    code, error = run(tmp_path, HEAD + GOOD.replace("ours", "other") + GOOD.replace(good, bad))
    assert code == 1 and said in error and "methods.csv: line 3" in error


def test_a_result_file_without_a_place_is_refused(tmp_path: Path) -> None:
    run(tmp_path, HEAD + GOOD)
    (tmp_path / "measured/corpus/lost.csv").write_text(HEAD + GOOD, encoding="utf-8")
    code, error = run(tmp_path, HEAD + GOOD, "--check")
    assert code == 1 and "lost" in error


def test_the_page_of_results_has_the_metrics_of_the_catalogue() -> None:
    done = subprocess.run([sys.executable, "-m", "docs.metrics", "--check"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert newest and citation["version"] == project["version"] == newest[1]


def test_the_architecture_names_every_rule_and_every_package() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Architecture") : text.index("<!-- rules of")]
    rows = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")][1:]
    rules = [path.read_text(encoding="utf-8") for path in (ROOT / "rules").rglob("*.smk")]
    defined = {name for source in rules for name in re.findall(r"^rule (\w+):", source, re.MULTILINE)}
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == defined
    packages = {path.parent.name for path in (ROOT / "lightxml_core").glob("*/__init__.py")}
    assert packages == {name for name in packages if f"{name}/" in section}
    named = set(re.findall(r"(\w+\.py)", section))
    assert all((ROOT / "lightxml_core" / name).is_file() for name in named), named


def test_the_pages_of_targets_and_methods_name_all() -> None:
    targets, methods = ((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("targets", "methods"))
    configured = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["targets"]
    studied = yaml.safe_load((ROOT / "studies/targets.yaml").read_text(encoding="utf-8"))
    assert {*configured, *studied} <= set(re.findall(r"`([\w-]+)`", targets))
    for name in re.findall(r"`([\w*-]+\.yaml)`", methods):
        assert list(ROOT.glob(f"methods/{name}")) or list(ROOT.glob(f"studies/{name}")), name
