"""Estimates for a dataset and a method before anything is downloaded: operations, memory, disk, bytes to fetch."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, cast

from lightxml_core.definitions.kinds import plain
from lightxml_core.downloads.mirrors import copies
from lightxml_core.files import made, read_json
from lightxml_core.methods import flatten
from lightxml_core.methods.load import (
    BYTES_A_WEIGHT,
    BYTES_A_WORD,
    DISTINCT,
    TOKENS_A_WORD,
    Load,
    Shape,
    encoder_weights,
)
from lightxml_core.registry import Registry
from lightxml_core.registry.grid import split_of, whole_of

# a text file of two million word vectors, compressed
VECTORS = 2.0e9
# of a method on sparse features: so many times them, and what Python is (omikuji, 15,449 documents of 165 features)
COPIES, PYTHON = 6.0, 0.4 * 2**30
_METRICS = {
    "documents_trn": "N_train",
    "documents_tst": "N_test",
    "labels": "L",
    "words": "words_per_doc_train",
    "labels_a_document": "avg_labels_per_doc",
}
# 10^12 floating-point operations per second that training reaches: a GPU in the trainings whose hours are published
# (LightXML's members in published/cost.csv: 4 to 18); one core with AVX-512 (measured with MiniLM on two of them)
GPU_TERAFLOPS, CORE_TERAFLOPS = 9.0, 0.1
Published = Mapping[tuple[str, str, str], float]


def load_of(registry: Registry, method: str, dataset: str, member: str, shape: Shape) -> Load:
    """As the method itself estimates it; else, for a method on sparse features alone, from those."""
    settings = registry.made(method, dataset, member)
    backbone = registry.backbones.get(flatten(settings).get("backbone", ""))
    size = {} if backbone is None else plain(backbone.size or backbone.scratch or {})
    workload = _workload_of(registry.methods[method].implementation)
    if workload is not None and (load := workload(settings, size, shape)) is not None:
        return load
    if registry.needs(method, dataset, member) == {"tfidf"} and shape.all_words is not None:
        return Load(None, None, PYTHON + COPIES * shape.all_words * DISTINCT * 8.0)
    return Load(None, None, None)


@cache
def _workload_of(implementation: str) -> Callable[[Any, Mapping[str, int], Shape], Load | None] | None:
    """The `workload` that a method's package offers, see `lightxml_core.methods`."""
    try:
        return cast(Any, importlib.import_module(f"lightxml_core.methods.{implementation}.workload").workload)
    except ModuleNotFoundError:
        return None


@dataclass(frozen=True)
class Cost:
    """What a job takes. memory: in bytes."""

    memory: float
    minutes: float


@dataclass(frozen=True)
class Stage:
    """The constants of a stage: bytes of memory, fixed and for each unit of what there is, and a core's words a second.

    document, label: of the corpus. term: different words. value: of the training documents' features, which are read in
    any order and so had better stay in memory, though they are in a file. part: of the label features, of which each of
    up to 16 threads copies a sixteenth. prediction: score of a test document.
    """

    fixed: float
    words: float
    document: float = 0.0
    label: float = 0.0
    term: float = 0.0
    value: float = 0.0
    part: float = 0.0
    prediction: float = 0.0
    minutes: float = 0.2  # whatever the size: Python and its libraries


# Measured by `python -m benchmarks.memory wiki-500k 100` (docs/measured.md) and rounded up. Not measured there: the
# download, which reads a copy as `prepare_corpus` does; the gigabyte of both, for the layouts that hold all texts;
# `ensemble` and `evaluate`, which are counted from the arrays that they hold.
STAGES = {
    "download_dataset": Stage(1.0e9, 1.0e6, document=300, label=1000, minutes=120),  # a mirror may be slow
    "prepare_corpus": Stage(1.0e9, 1.0e6, document=300, label=1000),
    "split_validation": Stage(0.3e9, 1e8, document=200),
    "build_features": Stage(0.5e9, 0.3e6, document=50, term=300),
    "cluster_labels": Stage(0.5e9, 0.5e6, document=100, label=100, value=8.0, part=8.0),
    "build_encoder": Stage(0.3e9, 0.05e6, term=800),
    "tokenize": Stage(0.5e9, 0.2e6, document=20),
    "ensemble": Stage(0.3e9, 1e7, prediction=100.0),
    "evaluate": Stage(0.3e9, 1e7, document=200, label=100, prediction=100.0),
}
PREPARATION = ("prepare_corpus", "split_validation", "build_features", "cluster_labels", "tokenize")
# What is asked for: so many times the memory and the time of the table, and for a dataset whose size nobody knows yet
MARGIN, SLACK, LEAST_MINUTES = 1.5, 4.0, 10.0
UNKNOWN, UNKNOWN_TRAINING = Cost(16e9, 480.0), Cost(16e9, 2880.0)
_HEAPS = 30.0, 0.6  # different words of n words: 30 n^0.6, above what the corpora here have
_SHARED = 0.7  # values of the label features for each value of each document of each label, in a synthetic Wiki-500K
_SCORES = 100.0  # a test document
_TORCH = 3.0e9  # bytes: Python, torch and a GPU's context


def stage_cost(stage: str, shape: Shape, threads: int = 1) -> Cost | None:
    """What a stage takes on a dataset of this shape; None where the shape is not known."""
    words, labels, constants = shape.all_words, shape.labels, STAGES[stage]
    if words is None or labels is None or shape.documents_trn is None or shape.documents_tst is None:
        return None
    values = words * DISTINCT * shape.documents_trn / (shape.documents_trn + shape.documents_tst)
    in_label_features = values * _SHARED * (shape.labels_a_document or 5.0)
    memory = (
        constants.fixed
        + constants.document * (shape.documents_trn + shape.documents_tst)
        + constants.label * labels
        + constants.term * min(words, _HEAPS[0] * words ** _HEAPS[1])
        + constants.value * values
        + constants.part * in_label_features * min(threads, 16) / 16
        + constants.prediction * _SCORES * shape.documents_tst
    )
    return Cost(memory, constants.minutes + words / constants.words / 60)


def asked(cost: Cost | None, unknown: Cost = UNKNOWN) -> Cost:
    """What a job of this cost asks a scheduler for, with a margin; `unknown` where the cost is not known."""
    return unknown if cost is None else Cost(MARGIN * cost.memory, LEAST_MINUTES + SLACK * cost.minutes)


def training_asked(load: Load, shape: Shape, gpu: bool, threads: int) -> Cost:
    """What the training of a model asks for: never more than two days, because it resumes where it was.

    gpu: the method uses one, so that the machine's memory holds weights and moments alone, for a checkpoint.
    """
    memory, minutes = UNKNOWN_TRAINING.memory, UNKNOWN_TRAINING.minutes
    own = load.memory if load.weights is None or not gpu else BYTES_A_WEIGHT * load.weights
    if own is not None:
        memory = _TORCH + MARGIN * (own + 200.0 * (shape.documents_trn or 0.0))
    if load.operations is not None:
        rate = GPU_TERAFLOPS if gpu else CORE_TERAFLOPS * threads
        minutes = min(minutes, 60.0 + SLACK * load.operations / rate / 1e12 / 60)
    return Cost(memory, minutes)


def prediction_asked(load: Load, shape: Shape) -> Cost:
    """What a prediction with a model asks for: its weights or features, and the scores."""
    own = load.memory if load.weights is None else 8.0 * load.weights
    if own is None or shape.documents_tst is None:
        return Cost(UNKNOWN_TRAINING.memory, UNKNOWN.minutes)
    return Cost(_TORCH + MARGIN * (own + 10.0 * _SCORES * shape.documents_tst), UNKNOWN.minutes)


def shared_disk(shape: Shape) -> float | None:
    """Bytes of raw and prepared texts, features and tokens, which all methods on a dataset share."""
    words = shape.all_words
    return None if words is None else words * (2.0 * BYTES_A_WORD + DISTINCT * 8.0 + 4.0 * TOKENS_A_WORD)


def own_disk(shape: Shape, runs: int, weights: float) -> float | None:
    """Bytes of models with one checkpoint each, and of predictions. weights: numbers, of all runs together."""
    return None if shape.documents_tst is None else 16.0 * weights + runs * shape.documents_tst * 100 * 8.0


Bytes = dict[str, float | None]


def downloads(registry: Registry, datasets: Iterable[str], methods: Iterable[str], root: Path) -> Bytes:
    """What is yet to fetch for a grid, each once: datasets, encoders and vectors; None if the size is not known."""
    found: Bytes = {}
    methods = list(methods)
    for dataset in datasets:
        cut = registry.datasets[dataset].cut
        whole = dataset if cut is None else cut.cut
        if registry.datasets[whole].folder is None and not (root / "data" / whole / "raw").is_dir():
            found[whole] = _dataset_bytes(registry, whole, root)
        for method in methods:
            for member in registry.members(method, dataset):
                found |= _parts(registry, registry.made(method, dataset, member), root)
    return found


def shape_of(registry: Registry, dataset: str, root: Path, published: Published) -> Shape:
    """From the corpus if it is prepared, else as its definition expects it, else as published."""
    definition = registry.definition(dataset)
    stats = root / f"results/{registry.corpus(whole_of(dataset), split_of(dataset))}/corpus/stats.json"
    known = read_json(made(stats)) if stats.is_file() else plain(definition.expected)
    cut = definition.cut
    if cut is not None:
        whole = shape_of(registry, cut.cut, root, published)
        labels = known.get("labels", whole.labels)
        return Shape(cut.trn, cut.tst, labels, whole.words, whole.labels_a_document)
    name = definition.published_as or ""
    names = {"words": "words_per_document_trn", "labels_a_document": "labels_per_document"}
    values = {
        key: known.get(names.get(key, key)) or published.get((name, "-", metric)) for key, metric in _METRICS.items()
    }
    return Shape(**values)


def read_published(folder: Path) -> dict[tuple[str, str, str], float]:
    """(dataset, method, metric) → the first published figure of an ensemble or a single figure of the method."""
    found: dict[tuple[str, str, str], float] = {}
    for path in (folder / name for name in ("statistics.csv", "cost.csv", "eurlex-bow.csv")):
        for row in _rows(path):
            if row["variant"] in ("-", "ensemble", "as-published"):
                found.setdefault((row["dataset"], row["method"], row["metric"]), float(row["value"]))
    return found


def hours_by_words(published: Published, method: str, words: float | None) -> float | None:
    """Published hours for other datasets, by their training words, times those of this one: the median."""
    rates = []
    for (dataset, name, metric), hours in published.items():
        documents, length = (published.get((dataset, "-", _METRICS[key])) for key in ("documents_trn", "words"))
        if (name, metric) == (method, "train_hours") and documents and length:
            rates.append(hours / (documents * length))
    return median(rates) * words if rates and words else None


def _dataset_bytes(registry: Registry, dataset: str, root: Path) -> float | None:
    """As its mirror states, else from its words: a text shrinks to about a third."""
    for copy in copies(registry.datasets[dataset].mirrors, {}):
        sizes = [piece.mirror.bytes for piece in copy.pieces]
        if None not in sizes:
            return float(sum(filter(None, sizes)))
    words = shape_of(registry, dataset, root, read_published(root / "published")).all_words
    return None if words is None else words * BYTES_A_WORD / 3


_BACKBONES = ("backbone", "names_backbone")


def _parts(registry: Registry, settings: object, root: Path) -> Bytes:
    """The encoders and the vectors that a member downloads."""
    found: Bytes = {}
    values = flatten(settings)
    vectors = values.get("vectors", "")
    for backbone in (values.get(key, "") for key in _BACKBONES):
        definition = registry.backbones.get(backbone)
        if definition is not None and definition.downloaded and not (root / "data/encoders" / backbone).is_dir():
            size = definition.size
            found[backbone] = None if size is None else 4.0 * encoder_weights(plain(size))
    if vectors in registry.vectors and not (root / "data/vectors" / vectors).is_dir():
        found[vectors] = float(registry.vectors[vectors].source.bytes or VECTORS)
    return found


def _rows(path: Path) -> Iterable[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))
