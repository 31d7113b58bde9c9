"""The documents: tables of docs/measured/, links, and the README's description of the tree."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from docs import cited, generate, measured, picture
from lightxml_core.archive.entry import Figure
from lightxml_core.archive.store import archive_target, read_archive
from lightxml_core.errors import InputError
from tests.helpers.archive import finished
from tests.helpers.project import ROOT

HEAD = "variant,P@1,P@1 std,seeds,date,commit,command,hardware,source,note\n"
GOOD = "ours,71.20,0.30,3,2026-11-28,,,2 cores,,\n"


DOCUMENTS = [*ROOT.glob("*.md"), ROOT / "config/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def written(folder: Path, rows: str) -> str:
    """One page with one table of `rows`, as docs/measured.py writes it."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    page = folder / "corpus.md"
    page.write_text("# Corpus\n\n<!-- table: methods -->\nold\n<!-- end of table -->\nafter\n", encoding="utf-8")
    (folder / "corpus/methods.csv").write_text(rows, encoding="utf-8")
    [(path, text)] = measured.pages(folder)
    assert path == page
    return text


def test_a_page_shows_its_result_file(tmp_path: Path) -> None:
    text = written(tmp_path, HEAD + GOOD)
    assert "| ours | 71.20 ± 0.30 |\n" in text and "old" not in text
    assert text.startswith("# Corpus\n\n<!-- table: methods -->\n")
    assert text.endswith("\n<!-- end of table -->\nafter\n")


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
    with pytest.raises(InputError, match=rf"methods.csv: line 3: .*{said}"):
        written(tmp_path, HEAD + GOOD.replace("ours", "other") + GOOD.replace(good, bad))


def test_a_row_takes_its_figures_from_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = finished(tmp_path / "runs", {"linear": ["single"]})
    [place] = archive_target(runs, tmp_path / "archive", unfinished=False)
    entries = read_archive(tmp_path / "archive")
    again = replace(entries[place], seed=1, metrics={"P@1": Figure(value=entries[place].metrics["P@1"].value + 2)})
    monkeypatch.setattr(measured, "archived", lambda: {**entries, again.place: again})
    monkeypatch.setattr(measured, "current_digest", lambda names: entries[place].code.digest)
    head, row = HEAD.replace("note", "note,archive"), f"ours,,,,,,make demo,,,,{place.parent}\n"
    text = written(tmp_path / "a", head + row)
    mean = entries[place].metrics["P@1"].value + 1
    assert f"| ours | {mean:.2f} ± 1.41 |\n" in text and "seeds: 2; hardware: 2 cores; written down: 2026-11-28" in text
    monkeypatch.setattr(measured, "current_digest", lambda names: "other")
    older = written(tmp_path / "a", head + row)
    assert f"; {measured.OLDER}ours; file:" in older and measured.without_ages(older) == text
    for bad, said in (
        (row.replace("ours,", "ours,1"), "P@1 comes from"),
        (row.replace("single", "other"), "no archived"),
    ):
        with pytest.raises(InputError, match=said):
            written(tmp_path / "b", head + bad)


def test_a_result_file_that_no_page_shows_is_refused(tmp_path: Path) -> None:
    written(tmp_path, HEAD + GOOD)
    (tmp_path / "corpus/lost.csv").write_text(HEAD + GOOD, encoding="utf-8")
    with pytest.raises(InputError, match=r"corpus\.md: .*lost"):
        written(tmp_path, HEAD + GOOD)


def test_the_generated_parts_are_up_to_date() -> None:
    for part in {*generate.PARTS, generate.PICTURE} - {"rules"}:  # `make lint` draws those
        assert list(generate.complaints(part, check=True)) == []


def cite(root: Path, text: str) -> tuple[Path, str]:
    """A page that cites figures of two methods, and its text with the figures of their table."""
    (root / "docs/measured").mkdir(parents=True, exist_ok=True)
    rows = GOOD + GOOD.replace("ours", "theirs").replace("71.20,0.30", "70.75,0.40")
    written(root / "docs/measured", HEAD + rows)
    (root / "README.md").write_text(text, encoding="utf-8")
    [found] = cited.pages(root)
    return found


def test_a_figure_that_deviates_from_its_source_is_named_with_both(tmp_path: Path) -> None:
    path, new = cite(
        tmp_path, "one\n<!-- from: corpus/methods; ours - theirs; P@1 -->ahead by 0.6<!-- end --> points\n"
    )
    assert new == "one\n<!-- from: corpus/methods; ours - theirs; P@1 -->ahead by 0.5<!-- end --> points\n"
    [said] = cited.differences(path, path.read_text(encoding="utf-8"), new)
    assert said.endswith(
        "README.md: line 2: ahead by 0.6 should be ahead by 0.5 (ours - theirs, P@1 in "
        "docs/measured/corpus/methods.csv)"
    )


@pytest.mark.parametrize(
    ("source", "body", "shown"),
    [
        ("ours & theirs; P@1", "1.0, 2.00", "71.2, 70.75"),
        ("theirs - ours; P@1", "−9.99", "−0.45"),
        ("*; P@1", "between 1 to 2", "between 71 to 71"),
        ("ours / 60; P@1", "3.333 min", "1.187 min"),
        ("t & o - o; P@1 std", "1.1 and 1.1", "0.1 and 0.0"),
    ],
)
def test_cited_figures_keep_their_words_and_digits(tmp_path: Path, source: str, body: str, shown: str) -> None:
    assert f"-->{shown}<!-- end -->" in cite(tmp_path, f"<!-- from: corpus/methods; {source} -->{body}<!-- end -->")[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- from: corpus/methods; hers; P@1 -->1.0<!-- end -->", "'hers' begins 0 names"),
        ("<!-- from: corpus/others; ours; P@1 -->1.0<!-- end -->", "there is no .*others.csv"),
        ("<!-- from: corpus/methods; ours; P@1 -->1.0 and 2.0<!-- end -->", "has 2 numbers, but its source 1 values"),
        ("<!-- from: corpus/methods; ours; note -->1.0<!-- end -->", "no figure for note"),
        ("<!-- from: corpus/methods; ours -->1.0<!-- end -->", "a source is `table; rows; columns`"),
        ("P@1 is 71.2, `0.5` and Python 3.11 are no figures", "71.2 has no source"),
    ],
)
def test_a_figure_without_a_source_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"README.md: line 2: .*{said}"):
        cite(tmp_path, f"<!-- given: by hand -->0.5<!-- end -->\n{text}")


def test_a_picture_of_other_figures_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path("hpo-5k-small/bonsai/single/seed0.json")
    entry = measured.archived()[place]
    other = replace(entry, metrics=entry.metrics | {"P@1": Figure(value=1.25)})
    monkeypatch.setattr(picture, "archived", lambda: {**measured.archived(), place: other})
    assert f"the source archive/{place} has {{'P@1': 1.25" in (picture.stale() or "")


def test_text_between_marks_is_replaced_and_a_missing_mark_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a <b> old <e> c", encoding="utf-8")
    assert list(generate.between(page, "<b>", "<e>", "new")) == [(page, "a <b>new<e> c")]
    for begin, end, lost in (("<x>", "<e>", "<x>"), ("<b>", "<x>", "<x>"), ("<e>", "<b>", "<b>")):
        with pytest.raises(InputError, match=f"page.md: the line {lost} is missing"):
            list(generate.between(page, begin, end, "new"))


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub generates for a document's headings."""
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
