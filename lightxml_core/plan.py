"""What a target would take, said before anything starts: an estimate from sizes, beside what is in print."""

from __future__ import annotations

import csv
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightxml_core.files import read_json
from lightxml_core.registry import Registry

# tokens a word: English prose in the WordPiece of BERT-base
TOKENS_A_WORD = 1.3
BYTES_A_WORD = 6.5
# 10^12 floating-point operations a second that training reaches: a GPU of 2020 at 40% of its dense fp16 peak (assumed);
# one core with AVX-512 (measured with MiniLM on two of them)
GPU_TERAFLOPS, CORE_TERAFLOPS = 125.0, 0.1
# weight, gradient and AdamW's two moments in fp32
BYTES_A_WEIGHT = 16
_GIB = 2.0**30
_PRINTED = {"documents_trn": "N_train", "documents_tst": "N_test", "labels": "L", "words": "words_per_doc_train"}


@dataclass(frozen=True)
class Shape:
    """A dataset's sizes; None for what nobody knows before the download."""

    documents_trn: float | None
    documents_tst: float | None
    labels: float | None
    words: float | None


@dataclass(frozen=True)
class Machine:
    """What is at hand. memory: bytes of one GPU, or of the machine where it has none."""

    gpus: int
    cores: int
    memory: float
    disk: float
    teraflops: float


@dataclass(frozen=True)
class Estimate:
    """One dataset × method of a target: all its members and seeds. hours: None where no rate is known."""

    dataset: str
    method: str
    models: int
    hours: float | None
    printed_hours: float | None
    memory: float | None
    disk: float | None


def estimates(registry: Registry, target: str, root: Path, machine: Machine) -> list[Estimate]:
    """One estimate a dataset and method of the target, in its order; root: the project's folder."""
    chosen, printed = registry.target(target), _printed(root / "published")
    found = []
    for dataset in chosen["datasets"]:
        shape = _shape(registry, dataset, root, printed)
        for method in chosen["methods"]:
            found.append(_estimate(registry, target, dataset, method, shape, printed, machine))
    return found


def this_machine(folder: Path, teraflops: float | None) -> Machine:
    """What this machine has; teraflops: the rate of training, where it was measured."""
    from lightxml_core.training.devices import visible_gpus

    gpus, cores = len(visible_gpus()), os.cpu_count() or 1
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if gpus:
        import torch

        memory = float(torch.cuda.get_device_properties(0).total_memory)
    assumed = GPU_TERAFLOPS if gpus else CORE_TERAFLOPS * cores
    return Machine(gpus, cores, memory, float(shutil.disk_usage(folder).free), teraflops or assumed)


def refusal(estimate: Estimate, machine: Machine, days: float = 2.0) -> str:
    """Why the machine had better not run it; empty where nothing speaks against it."""
    reasons = []
    if estimate.hours is not None and estimate.hours > 24 * days * max(1, machine.gpus):
        reasons.append("too long")
    if estimate.memory is not None and estimate.memory > machine.memory:
        reasons.append("memory")
    if estimate.disk is not None and estimate.disk > machine.disk:
        reasons.append("disk")
    return ", ".join(reasons)


def spelled(registry: Registry, target: str, root: Path, machine: Machine) -> str:
    """The plan as a table for a terminal, with what it assumes below."""
    rows: list[tuple[str, ...]] = [_HEADERS]
    found = estimates(registry, target, root, machine)
    for one in found:
        hours = (_number(one.hours), _number(one.printed_hours))
        sizes = (_gib(one.memory), _gib(one.disk), _download(registry, one.dataset, root))
        rows.append((one.dataset, one.method, str(one.models), *hours, *sizes, refusal(one, machine) or "fits"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    total = sum(one.hours or 0.0 for one in found)
    said = f"{total:,.1f} hours in all, of {_device(machine)}; sizes in GiB; models: members x seeds."
    return "\n".join([*lines, "", said, _NOTE])


_HEADERS = ("dataset", "method", "models", "hours", "in print", "memory", "disk", "download", "here")
_NOTE = """\
hours     operations of the encoders' passes over that rate (--teraflops says another); n/a: no transformer
in print  hours on the authors' machines, of all models together
memory    weights, gradients and moments of the largest model with one batch, which is cut where it does not fit
disk      texts, tokens, models with a checkpoint, predictions
download  ~ where nobody states it: from the number of words"""


def _device(machine: Machine) -> str:
    if machine.gpus:
        return f"{machine.gpus} GPU{'s' * (machine.gpus > 1)}, each {machine.teraflops:,.4g} TFLOP/s"
    return f"{machine.cores} cores, together {machine.teraflops:,.4g} TFLOP/s"


def _estimate(
    registry: Registry,
    target: str,
    dataset: str,
    method: str,
    shape: Shape,
    printed: Mapping[tuple[str, str, str], float],
    machine: Machine,
) -> Estimate:
    members = list(registry.members(method, dataset))
    models = [_model(registry, method, dataset, member, shape) for member in members]
    seeds = len(registry.seeds(target))
    operations, weights, memories = zip(*models, strict=True)
    name, of = registry.methods[method].get("published_as"), registry.datasets[dataset].get("published_as")
    known = None not in operations
    return Estimate(
        dataset,
        method,
        len(members) * seeds,
        seeds * sum(operations) / machine.teraflops / 1e12 / 3600 if known else None,
        printed.get((str(of), str(name), "train_hours")),
        max(memories) if None not in memories else None,
        _disk(shape, len(members) * seeds, 4.0 * sum(weights) * seeds if known else 0.0),
    )


def _model(
    registry: Registry, method: str, dataset: str, member: str, shape: Shape
) -> tuple[float | None, float | None, float | None]:
    """Operations of training, weights, and bytes of memory of one member; None where it has no transformer."""
    settings: Any = registry.made(method, dataset, member)
    backbone = registry.backbones.get(getattr(settings, "backbone", ""), {})
    size = backbone.get("size") or backbone.get("source", {}).get("scratch", {})
    if "layers" not in size or shape.documents_trn is None or shape.labels is None:
        return None, None, None
    layers, width = size["layers"], size["width"]
    tokens = min(settings.max_tokens, TOKENS_A_WORD * (shape.words or math.inf))
    weights = 12.0 * layers * width**2 + size["vocabulary"] * width + _head(settings, shape.labels, layers, width)
    a_layer = 24.0 * width**2 * tokens + 4.0 * width * tokens**2
    operations = shape.documents_trn * a_layer * _layer_passes(settings, layers)
    return operations, weights, BYTES_A_WEIGHT * weights + _activations(settings.batch, tokens, layers, width)


def _layer_passes(settings: Any, layers: int) -> float:
    """Forward passes through one layer that a document costs; a backward pass counts for two."""
    learning = layers - settings.frozen_layers
    again = 0 if settings.keep_frozen else settings.frozen_layers
    return (settings.epochs + settings.extra_epochs) * (3.0 * learning + again) + layers * settings.reads_frozen


def _head(settings: Any, labels: float, layers: int, width: int) -> float:
    read = min(settings.layers, layers) * width
    if settings.head == "flat" or not hasattr(settings, "head"):
        return labels * (read + 1)
    clusters = 2.0 ** max(0, math.ceil(math.log2(labels / settings.max_leaf)))
    return clusters * (read + 1) + settings.bottleneck * (read + 1) + labels * settings.bottleneck


def _activations(batch: int, tokens: float, layers: int, width: int) -> float:
    """Bytes of 16-bit activations of a batch (Korthikanti et al. 2022, equation 1, heads of 64 numbers)."""
    return layers * tokens * batch * width * (34.0 + 5.0 * tokens / 64.0)


def _download(registry: Registry, dataset: str, root: Path) -> str:
    """GiB to download for a dataset; a text shrinks to about a third."""
    source = registry.datasets[dataset]["source"]
    if "cut" in source:
        return _download(registry, source["cut"], root)
    if "folder" in source or (root / "data" / dataset / "raw").is_dir():
        return "none"
    stated = [float(entry["bytes"]) for entry in source.get("mirrors", []) if "bytes" in entry]
    if stated:
        return _gib(stated[0])
    shape = _shape(registry, dataset, root, _printed(root / "published"))
    if shape.words is None or shape.documents_trn is None or shape.documents_tst is None:
        return "unknown"
    return "~" + _gib(shape.words * (shape.documents_trn + shape.documents_tst) * BYTES_A_WORD / 3)


def _disk(shape: Shape, runs: int, model_bytes: float) -> float | None:
    """Bytes of raw and prepared texts, features and tokens, of the models with one checkpoint, and of predictions."""
    if shape.documents_trn is None or shape.documents_tst is None or shape.words is None:
        return None
    words = shape.words * (shape.documents_trn + shape.documents_tst)
    texts = words * (2.0 * BYTES_A_WORD + 0.6 * 8.0 + 4.0 * TOKENS_A_WORD)
    return texts + 4.0 * model_bytes + runs * shape.documents_tst * 100 * 8.0


def _shape(registry: Registry, dataset: str, root: Path, printed: Mapping[tuple[str, str, str], float]) -> Shape:
    """From the corpus if it is prepared, else as its definition expects it, else as it is in print."""
    definition = registry.datasets[dataset]
    stats = root / f"results/{dataset}/corpus/stats.json"
    known = read_json(stats) if stats.is_file() else dict(definition.get("expected", {}))
    cut = definition["source"].get("cut")
    if cut is not None:
        whole, source = _shape(registry, cut, root, printed), definition["source"]
        return Shape(source["trn"], source["tst"], known.get("labels", whole.labels), whole.words)
    name = str(definition.get("published_as"))
    names = {"words": "words_per_document_trn"}
    values = {
        key: known.get(names.get(key, key)) or printed.get((name, "-", metric)) for key, metric in _PRINTED.items()
    }
    return Shape(**values)


def _printed(folder: Path) -> dict[tuple[str, str, str], float]:
    """(dataset, method, metric) → the first published figure of an ensemble or a single figure of the method."""
    found: dict[tuple[str, str, str], float] = {}
    for path in (folder / "statistics.csv", folder / "cost.csv"):
        for row in _rows(path):
            if row["variant"] in ("-", "ensemble", "as-published"):
                found.setdefault((row["dataset"], row["method"], row["metric"]), float(row["value"]))
    return found


def _rows(path: Path) -> Iterable[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.1f}" if value >= 0.1 else f"{value:.3f}"


def _gib(value: float | None) -> str:
    return "unknown" if value is None else f"{value / _GIB:,.1f}"
