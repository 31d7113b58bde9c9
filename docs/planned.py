"""The table in docs/reproduction.md of what remains to be run, from the estimates of `make plan`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lightxml_core.planning.plan import Estimate, Machine, estimates
from lightxml_core.planning.workload import downloads
from lightxml_core.registry import Registry, load_registry
from lightxml_core.registry.yaml_files import read_config

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- plan of `all` and `tail`, written by docs/generate.py -->\n", "<!-- end of plan -->\n"
HEAD = "| experiment | models | GPU hours | memory, GiB | downloads, GiB |\n|---|---:|---:|---:|---:|\n"
ANY_MACHINE = Machine(
    gpus=0, cores=2, gpu_memory=0.0, memory=0.0, disk=0.0, teraflops=1.0
)  # nothing shown depends on it
GIB = 2.0**30


def table() -> str:
    """The whole table: LightXML by dataset, the other methods of `all`, all of it, and `tail`."""
    registry = load_registry(ROOT, read_config(ROOT / "config.yaml"))
    with TemporaryDirectory() as name:  # without data and results, which would change the estimates
        (Path(name) / "published").symlink_to(ROOT / "published")
        return HEAD + "".join(rows(registry, Path(name)))


def rows(registry: Registry, root: Path) -> Iterator[str]:
    """The lines of the table. root: a project folder with `published/`, without data and results."""
    found = estimates(registry, "all", root, ANY_MACHINE)
    light = [one for one in found if one.method == "lightxml"]
    for one in sorted(light, key=lambda one: one.gpu_hours or 0.0):
        yield row(registry, root, f"LightXML on {registry.datasets[one.dataset].title}", [one])
    for method in registry.target("all").methods:
        if method != "lightxml":
            own = [one for one in found if one.method == method]
            yield row(registry, root, f"{registry.methods[method].title} on all {len(own)} datasets", own)
    yield row(registry, root, "everything: `snakemake --cores all`", found)
    tail = estimates(registry, "tail", root, ANY_MACHINE)
    yield row(registry, root, "LightDXML's datasets, with linear methods: `snakemake --cores all tail`", tail)


def row(registry: Registry, root: Path, what: str, found: Sequence[Estimate]) -> str:
    """A line of the table: sums over the estimates, and the memory of the largest model. Each download counts once."""
    fetched = downloads(registry, dict.fromkeys(one.dataset for one in found), {one.method for one in found}, root)
    memory = [one.memory for one in found]
    largest = spelled(max(size for size in memory if size) / GIB, None in memory) if any(memory) else "unknown"
    hours = total([one.gpu_hours for one in found], 1.0)
    return (
        f"| {what} | {sum(one.models for one in found)} | {hours} | {largest} | {total([*fetched.values()], GIB)} |\n"
    )


def total(values: Sequence[float | None], unit: float) -> str:
    """The sum of the known values in this unit."""
    return spelled(sum(value for value in values if value is not None) / unit, None in values)


def spelled(value: float, more: bool) -> str:
    """A number with at least two digits. more: whether parts of the sum are not known."""
    return f"{value:,.{0 if value >= 10 or not value else 1}f}" + (" or more" if more else "")
