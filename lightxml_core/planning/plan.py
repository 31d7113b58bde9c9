"""The plan of a target: estimates from sizes, beside published times."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightxml_core.methods.load import Load, Shape
from lightxml_core.planning.workload import (
    CORE_TERAFLOPS,
    GPU_TERAFLOPS,
    PREPARATION,
    Published,
    downloads,
    hours_by_words,
    load_of,
    own_disk,
    read_published,
    shape_of,
    shared_disk,
    stage_cost,
)
from lightxml_core.registry import Registry
from lightxml_core.registry.grid import Member

_GIB = 2.0**30


@dataclass(frozen=True)
class Machine:
    """The machine's resources, sizes in bytes. teraflops and gpu_memory: per GPU; without GPUs of the whole machine."""

    gpus: int
    cores: int
    gpu_memory: float
    memory: float
    disk: float
    teraflops: float


@dataclass(frozen=True)
class Estimate:
    """One dataset × method of a target with all its members and seeds. None: not known.

    gpu_hours: of one GPU, 0 for a method that uses none. hours: on this machine. disk: bytes of its models and
    predictions only. memory: bytes for its largest model. download: bytes of its dataset, encoders and vectors.
    """

    dataset: str
    method: str
    models: int
    gpu_hours: float | None
    hours: float | None
    published_hours: float | None
    memory: float | None
    disk: float | None
    download: float | None


def estimates(registry: Registry, target: str, root: Path, machine: Machine) -> list[Estimate]:
    """One estimate per dataset and method of the target, in its order; root: the project's folder."""
    chosen, published = registry.target(target), read_published(root / "published")
    found = []
    for dataset in chosen.datasets:
        shape = shape_of(registry, dataset, root, published)
        for method in chosen.methods:
            trainings, seeds = _trainings(registry, target, dataset, method), len(registry.seeds(target, dataset))
            download = _sum(downloads(registry, [dataset], [method], root).values())
            found.append(_estimate(registry, dataset, method, trainings, seeds, shape, published, machine, download))
    return found


def this_machine(folder: Path, teraflops: float | None) -> Machine:
    """The resources of this machine; teraflops: the rate of training, if it was measured."""
    from lightxml_core.training.devices import visible_gpus

    gpus, cores = len(visible_gpus()), os.cpu_count() or 1
    memory = gpu_memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if gpus:
        import torch

        gpu_memory = float(torch.cuda.get_device_properties(0).total_memory)
    assumed = GPU_TERAFLOPS if gpus else CORE_TERAFLOPS * cores
    return Machine(gpus, cores, gpu_memory, memory, float(shutil.disk_usage(folder).free), teraflops or assumed)


def refusal(estimate: Estimate, machine: Machine, days: float = 2.0) -> str:
    """Why the machine should not run it, or which needs are not known; empty if it fits."""
    memory = machine.memory if estimate.gpu_hours == 0 else machine.gpu_memory
    limits = {"time": 24.0 * days, "memory": memory, "disk": machine.disk}
    needs = {"time": estimate.hours, "memory": estimate.memory, "disk": estimate.disk}
    above = [name for name, need in needs.items() if need is not None and need > limits[name]]
    unknown = [name for name, need in needs.items() if need is None]
    reasons = [", ".join({"time": "too long"}.get(name, name) for name in above)] if above else []
    return "; ".join([*reasons, *([f"unknown: {', '.join(unknown)}"] if unknown else [])])


def plan_table(registry: Registry, target: str, root: Path, machine: Machine) -> str:
    """The plan as a table for a terminal, with totals, what this machine can run, and the assumptions."""
    rows: list[tuple[str, ...]] = [_HEADERS]
    found = estimates(registry, target, root, machine)
    for one in found:
        hours = (_number(one.gpu_hours), _number(one.hours), _number(one.published_hours))
        sizes = (_gib(one.memory), _gib(one.disk), _gib(one.download))
        rows.append((one.dataset, one.method, str(one.models), *hours, *sizes, refusal(one, machine) or "fits"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_totals(registry, target, root, found, machine), "", _NOTE])


_HEADERS = ("dataset", "method", "models", "GPU hours", "hours", "published", "memory", "disk", "download", "here")
_NOTE = f"""\
models     members x seeds, of a blend with those that it needs and no other row has; sizes in GiB
GPU hours  operations of the encoders' passes at the rate of one GPU in published trainings, {GPU_TERAFLOPS:g} TFLOP/s
           (newer GPUs are several times as fast: measure yours with `python -m benchmarks.encoder_gpu` and pass the
           rate with --teraflops); other methods: published hours, or those of other datasets scaled by the number of
           words; 0: needs no GPU
hours      the same on this machine; of one-vs-rest by the number of words and labels, at a measured rate of one core
published  hours on the authors' machines, of all models together
memory     weights, gradients and moments of the largest model with one batch, which is split if it does not fit;
           also the vectors of the training documents if the model keeps them
disk       models with a checkpoint, predictions
download   stated by the source, or estimated; shared files count in each row, but once in the total"""


def _totals(registry: Registry, target: str, root: Path, found: list[Estimate], machine: Machine) -> list[str]:
    chosen, published = registry.target(target), read_published(root / "published")
    shared = {name: shared_disk(shape_of(registry, name, root, published)) for name in chosen.datasets}
    fetched = downloads(registry, chosen.datasets, chosen.methods, root)
    disk = [*shared.values(), *(one.disk for one in found)]
    fit = [one for one in found if not refusal(one, machine)]
    short = _sum_of_known(disk) + _sum_of_known(fetched.values()) > machine.disk
    hours = (_total(one.gpu_hours for one in found), _total(one.hours for one in found))
    return [
        f"In total {hours[0]} GPU hours, {hours[1]} hours on {_device(machine)}.",
        f"Disk {_total(disk, _GIB)} GiB, of which texts, features and tokens {_total(shared.values(), _GIB)}"
        f"{f'; only {_gib(machine.disk)} are free, which is not enough' if short else ''}.",
        f"Download {_total(fetched.values(), _GIB)} GiB: {_named(fetched) or 'nothing is missing'}.",
        *(_preparation(name, shape_of(registry, name, root, published), machine) for name in chosen.datasets),
        f"This machine can run {len(fit)} of the {len(found)} rows within two days, its memory and its disk"
        f"{'' if len(fit) == len(found) else '; the last column says why not the others'}.",
    ]


def _preparation(dataset: str, shape: Shape, machine: Machine) -> str:
    """The time of the stages before training, and the memory of the stage that needs most."""
    costs = {stage: stage_cost(stage, shape, machine.cores) for stage in PREPARATION}
    known = {stage: cost for stage, cost in costs.items() if cost is not None}
    if not known:
        return f"Preparing {dataset}: unknown until it is downloaded."
    most = max(known, key=lambda stage: known[stage].memory)
    hours = sum(cost.minutes for cost in known.values()) / 60
    memory = _gib(known[most].memory)
    return f"Preparing {dataset}: up to {_number(hours)} hours of one core, {memory} GiB of memory ({most})."


def _device(machine: Machine) -> str:
    if machine.gpus:
        return f"{machine.gpus} GPU{'s' * (machine.gpus > 1)}, each {machine.teraflops:,.4g} TFLOP/s"
    return f"{machine.cores} cores, together {machine.teraflops:,.4g} TFLOP/s"


def _trainings(registry: Registry, target: str, dataset: str, method: str) -> list[Member]:
    """The members that are trained for a row, with each seed once or, of a blend, up to twice.

    A blend needs its members, which have a row of their own where the target has their method. It also needs them
    trained without the validation documents, unless their training leaves those out anyway.
    """
    own = [Member(method, member) for member in registry.members(method, dataset)]
    blended = dict.fromkeys(of for one in own for of in registry.blended(one.method, dataset, one.member))
    unlisted = [of for of in blended if of.method not in registry.target(target).methods]
    again = [of for of in blended if not registry.holds_out(of.method, dataset, of.member)]
    return [*own, *unlisted, *again]


def _estimate(
    registry: Registry,
    dataset: str,
    method: str,
    trainings: list[Member],
    seeds: int,
    shape: Shape,
    published: Published,
    machine: Machine,
    download: float | None,
) -> Estimate:
    models = seeds * len(trainings)
    loads = [load_of(registry, of.method, dataset, of.member, shape) for of in trainings]
    hours: dict[bool, list[float | None]] = {True: [], False: []}  # by whether a GPU is used
    for of, load in zip(trainings, loads, strict=True):
        on_gpu = bool({"gpu", "gpus"} & registry.needs(of.method, dataset, of.member))
        hours[on_gpu].append(_hours(registry, dataset, of, load, shape, published, machine))
    gpu_hours, core_hours = (None if (once := _sum(hours[key])) is None else seeds * once for key in (True, False))
    memories = [load.memory for load in loads]
    weights = _sum_of_known(load.weights for load in loads)
    return Estimate(
        dataset,
        method,
        models,
        gpu_hours,
        _sum([_hours_here(gpu_hours, seeds * len(hours[True]), machine), core_hours]),
        _stated(registry, dataset, method, published),
        None if None in memories else max(filter(None, memories)),
        own_disk(shape, models, weights * seeds, sum(load.kept for load in loads) * seeds),
        download,
    )


def _hours(
    registry: Registry,
    dataset: str,
    of: Member,
    load: Load,
    shape: Shape,
    published: Published,
    machine: Machine,
) -> float | None:
    """Hours of one training: by its operations, its time on a core or its share of the method's published hours."""
    if load.operations is not None:
        return load.operations / (machine.teraflops if machine.gpus else GPU_TERAFLOPS) / 1e12 / 3600
    if load.core_seconds is not None:
        return load.core_seconds / machine.cores / 3600
    words = shape.words * shape.documents_trn if shape.words and shape.documents_trn else None
    stated = _stated(registry, dataset, of.method, published)
    if stated is None:
        stated = hours_by_words(published, registry.methods[of.method].published_as or "", words)
    return None if stated is None else stated / len(registry.members(of.method, dataset))


def _stated(registry: Registry, dataset: str, method: str, published: Published) -> float | None:
    """Published hours of all members of a method together."""
    name, of = registry.methods[method].published_as or "", registry.datasets[dataset].published_as or ""
    return published.get((of, name, "train_hours"))


def _hours_here(hours: float | None, models: int, machine: Machine) -> float | None:
    """Hours of a GPU, of so many models together, on this machine."""
    if not hours:
        return hours
    return hours / min(machine.gpus, models) if machine.gpus else hours * GPU_TERAFLOPS / machine.teraflops


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else sum(filter(None, known))


def _sum_of_known(values: Iterable[float | None]) -> float:
    return sum(filter(None, values))


def _total(values: Iterable[float | None], unit: float = 1.0) -> str:
    """The sum of the known values, followed by "or more" if some are not known."""
    listed = list(values)
    return f"{_number(_sum_of_known(listed) / unit)}{' or more' if None in listed else ''}"


def _named(fetched: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {_gib(size)}" for name, size in fetched.items())


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _gib(value: float | None) -> str:
    return _number(None if value is None else value / _GIB)
