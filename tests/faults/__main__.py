"""`python -m tests.faults [fault …]`: inject all, or those named, and write what came of it into README.md."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.faults.project import STAGES, undisturbed
from tests.faults.suite import FAULTS, ImpossibleError, Outcomes

_HEAD = """\
# Faults

What was injected into the real DAG, at which stage, and what came of it: written by `make faults`. "Same bytes": the
predictions and metrics at the end are those of an undisturbed run. The project is a planted corpus of 160 + 40
documents with a two-layer encoder and both heads of LightXML. Downloads that break off at random are in
`tests/test_downloads.py`.

| fault | stage | outcome |
| --- | --- | --- |
"""


def main() -> None:
    chosen, readme = sys.argv[1:] or list(FAULTS), Path(__file__).parent / "README.md"
    rows, failed = _rows(readme), []
    with tempfile.TemporaryDirectory() as folder:
        reference = undisturbed(Path(folder) / "undisturbed")
        for name in chosen:
            started = time.monotonic()
            outcomes = _injected(name, reference, Path(folder))
            print(f"{name}: {time.monotonic() - started:.0f} s", *outcomes.items(), sep="\n  ", flush=True)
            failed += [name] if "FAILED" in str(outcomes) else []
            rows[name] = [f"| {name} | {stage} | {outcome} |" for stage, outcome in outcomes.items()]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    readme.write_text(_HEAD + "\n".join(row for name in FAULTS for row in rows.get(name, [])) + "\n")


def _rows(readme: Path) -> dict[str, list[str]]:
    """The rows written before, by fault."""
    found: dict[str, list[str]] = {}
    for line in readme.read_text().splitlines() if readme.exists() else []:
        if line.startswith("| ") and not line.startswith(("| fault", "| ---")):
            found.setdefault(line.split(" | ")[0].removeprefix("| "), []).append(line)
    return found


def _injected(name: str, reference: Path, work: Path) -> Outcomes:
    try:
        outcomes = FAULTS[name](reference, work)
    except ImpossibleError as error:
        return {"any": f"not tried: {error}"}
    except AssertionError as error:
        return {"any": f"FAILED: {error}"}
    return {stage: outcomes[stage] for stage in [*STAGES, "any"] if stage in outcomes}


if __name__ == "__main__":
    main()
