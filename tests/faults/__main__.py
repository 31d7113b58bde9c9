"""`python -m tests.faults [fault …]`: inject all faults, or those named, and write the outcomes into README.md."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.project import Reference, undisturbed
from tests.faults.suite import FAULTS, ImpossibleError, Outcomes, pecos_archive
from tests.helpers.project import ROOT, copy_project, snakemake

README = Path(__file__).parent / "README.md"
KILLS = 30
_HEAD = """\
# Faults

`make faults` injects these faults into the real DAG and writes this file. "Same bytes" means that the predictions,
metrics and comparison at the end are those of an undisturbed run. The project is a sample of HPO-5K (160 training and
40 test documents, from an archive), with a two-layer encoder and both heads of LightXML, from download to report.

"""
_TABLE = "| fault | stage | outcome |\n| --- | --- | --- |\n"
_CUT = "title: Cut\nsource: {cut: hpo-5k, trn: 160, tst: 40, seed: 0}\n"


def main() -> None:
    chosen, rows, started = sys.argv[1:] or list(FAULTS), _rows(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        reference = undisturbed(Path(folder), _archive(Path(folder)))
        for name in chosen:
            begun = time.monotonic()
            outcomes = _injected(name, reference)
            print(f"{name}: {time.monotonic() - begun:.0f} s", *outcomes.items(), sep="\n  ", flush=True)
            rows[name] = [f"| {name} | {stage} | {outcome} |" for stage, outcome in outcomes.items()]
            _write(rows, (time.monotonic() - started) / 60 if chosen == list(FAULTS) else None)
    if failed := [name for name in chosen if "FAILED" in str(rows[name])]:
        sys.exit(f"failed: {', '.join(failed)}")


def _archive(folder: Path) -> Path:
    """A small cut of HPO-5K, made by the rules; downloads of `make demo` are reused."""
    project = copy_project(folder / "cut")
    (project / "datasets/cut.yaml").write_text(_CUT)
    archives = ROOT / "data/hpo-5k/archives"
    if archives.is_dir():
        (project / "data/hpo-5k").mkdir(parents=True)
        (project / "data/hpo-5k/archives").symlink_to(archives)
    snakemake(project, "results/cut/corpus/stats.json")
    return pecos_archive(project / "results/cut/corpus", folder / "tiny.tar.gz")


def _rows() -> dict[str, list[str]]:
    """The rows written before, by fault."""
    found: dict[str, list[str]] = {}
    for line in README.read_text(encoding="utf-8").splitlines() if README.exists() else []:
        if line.startswith("| ") and not line.startswith(("| fault", "| ---")):
            found.setdefault(line.split(" | ")[0].removeprefix("| "), []).append(line)
    return found


def _injected(name: str, reference: Reference) -> Outcomes:
    try:
        outcomes = FAULTS[name](reference)
        if FAULTS[name].__name__ == "killed" and _kills(str(outcomes)) < KILLS:
            outcomes["any"] = f"FAILED: fewer than {KILLS} kills"
        return outcomes
    except ImpossibleError as error:
        return {"any": f"not tried: {error}"}
    except Exception as error:  # whatever it is, the other faults are tried and the table is written
        print(error, file=sys.stderr)
        return {"any": f"FAILED: {(str(error) or type(error).__name__).splitlines()[0]}"}


def _kills(text: str) -> int:
    return sum(map(int, re.findall(r"killed (\d+) times", text)))


def _write(rows: dict[str, list[str]], minutes: float | None) -> None:
    """The table so far; minutes of a run of all faults, else what the file says of the last such run is kept."""
    lines = [row for name in FAULTS for row in rows.get(name, [])]
    told = README.read_text(encoding="utf-8") if README.exists() else ""
    known = re.search(r"^\d+ kills; .*\n", told, re.MULTILINE)
    if minutes is not None:
        load = f"at a load of {os.getloadavg()[2]:.0f} on {os.cpu_count()} cores"
        taken = f"{_kills(str(lines))} kills; the whole suite took {minutes:.0f} minutes {load}.\n"
    else:
        taken = known[0] if known else f"{_kills(str(lines))} kills.\n"
    README.write_text(_HEAD + taken + "\n" + _TABLE + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
