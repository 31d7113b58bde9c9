"""The tables of docs/measured/: what a result file must have, and that pages show it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT

HEAD = "variant,P@1,P@1 std,seeds,date,commit,command,hardware,source,note\n"
GOOD = "ours,71.20,0.30,3,2026-11-28,,,2 cores,,\n"


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


def test_a_page_shows_its_result_file_and_a_changed_file_is_noticed(tmp_path: Path) -> None:
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
