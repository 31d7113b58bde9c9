"""Estimates for a dataset and a method before anything is downloaded: operations, memory, disk, bytes to download."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, cast

from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.kinds import plain
from lightxml_core.downloads.mirrors import copies
from lightxml_core.files import read_json, unchanged
from lightxml_core.methods import flatten
from lightxml_core.methods.load import (
    BYTES_PER_WEIGHT,
    BYTES_PER_WORD,
    DISTINCT,
    TOKENS_PER_WORD,
    Load,
    Shape,
    encoder_weights,
    sparse_memory,
)
from lightxml_core.registry import Registry
from lightxml_core.registry.grid import split_of, whole_of

# a text file of two million word vectors, compressed
VECTORS = 2.0e9
_METRICS = {
    "documents_trn": "N_train",
    "documents_tst": "N_test",
    "labels": "L",
    "words": "words_per_doc_train",
    "labels_per_document": "avg_labels_per_doc",
}
# 10^12 floating-point operations per second in training: of a GPU in trainings whose hours are published (LightXML in
# published/cost.csv: 4 to 18), and of one core with AVX-512 (measured with MiniLM on two cores)
GPU_TERAFLOPS, CORE_TERAFLOPS = 9.0, 0.1
Published = Mapping[tuple[str, str, str], float]


def load_of(registry: Registry, method: str, dataset: str, member: str, shape: Shape) -> Load:
    """The method's own estimate, or else, for a method on sparse features alone, one from their size."""
    settings = registry.made(method, dataset, member)
    backbone = registry.backbones.get(flatten(settings).get("backbone", ""))
    size = {} if backbone is None else plain(backbone.size or backbone.scratch or {})
    workload = _workload_of(registry.methods[method].implementation)
    if workload is not None and (load := workload(settings, size, shape)) is not None:
        return load
    if registry.needs(method, dataset, member) == {"tfidf"} and shape.all_words is not None:
        return Load(None, None, sparse_memory(shape.all_words))
    return Load(None, None, None)


@cache
def _workload_of(implementation: str) -> Callable[[Any, Mapping[str, int], Shape], Load | None] | None:
    """The function `workload` of a method's package if it has one, see `lightxml_core.methods`."""
    try:
        return cast(Any, importlib.import_module(f"lightxml_core.methods.{implementation}.workload").workload)
    except ModuleNotFoundError:
        return None


@dataclass(frozen=True)
class Cost:
    """The needs of a job. memory: in bytes."""

    memory: float
    minutes: float


@dataclass(frozen=True)
class Stage:
    """The constants of a stage: bytes of memory, fixed and per unit, and words per second of one core (`words`).

    document, label: of the corpus. term: distinct words. value: of the training documents' features, which are in a
    file, but are read in random order and so should fit into memory. part: of the label features, of which each of up
    to 16 threads copies a sixteenth. prediction: score of a test document.
    """

    fixed: float
    words: float
    document: float = 0.0
    label: float = 0.0
    term: float = 0.0
    value: float = 0.0
    part: float = 0.0
    prediction: float = 0.0
    minutes: float = 0.2  # fixed: Python and its libraries


# Measured by `python -m benchmarks.memory wiki-500k 100` (docs/measured.md) and rounded up. Not measured there: the
# download, which reads a copy like `prepare_corpus`; the gigabyte of both, for the layouts that hold all texts in
# memory; `ensemble` and `evaluate`, computed from the sizes of their arrays.
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
# Requests to a scheduler: the table's memory and time times these factors, and those for a dataset of unknown size
MARGIN, SLACK, LEAST_MINUTES = 1.5, 4.0, 10.0
UNKNOWN, UNKNOWN_TRAINING = Cost(16e9, 480.0), Cost(16e9, 2880.0)
_HEAPS = 30.0, 0.6  # distinct words among n words: at most 30 n^0.6 in the corpora here
_SHARED = 0.7  # values of the label features per value, document and label, in a synthetic Wiki-500K
_SCORES = 100.0  # per test document
_TORCH = 3.0e9  # bytes: Python, torch and a GPU's context


def stage_cost(stage: str, shape: Shape, threads: int = 1) -> Cost | None:
    """The cost of a stage on a dataset of this shape; None if the shape is not known."""
    words, labels, constants = shape.all_words, shape.labels, STAGES[stage]
    if words is None or labels is None or shape.documents_trn is None or shape.documents_tst is None:
        return None
    values = words * DISTINCT * shape.documents_trn / (shape.documents_trn + shape.documents_tst)
    in_label_features = values * _SHARED * (shape.labels_per_document or 5.0)
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


def request(cost: Cost | None, unknown: Cost = UNKNOWN) -> Cost:
    """The request to a scheduler for a job of this cost, with a margin; `unknown` if the cost is not known."""
    return unknown if cost is None else Cost(MARGIN * cost.memory, LEAST_MINUTES + SLACK * cost.minutes)


def training_request(load: Load, shape: Shape, gpu: bool, threads: int) -> Cost:
    """The request for the training of a model: at most two days, because a killed training resumes.

    gpu: the method uses one, so the machine's memory only holds weights and moments, for a checkpoint.
    """
    memory, minutes = UNKNOWN_TRAINING.memory, UNKNOWN_TRAINING.minutes
    own = load.memory if load.weights is None or not gpu else BYTES_PER_WEIGHT * load.weights + load.kept
    if own is not None:
        memory = _TORCH + MARGIN * (own + 200.0 * (shape.documents_trn or 0.0))
    if load.operations is not None:
        rate = GPU_TERAFLOPS if gpu else CORE_TERAFLOPS * threads
        minutes = min(minutes, 60.0 + SLACK * load.operations / rate / 1e12 / 60)
    elif load.core_seconds is not None:
        minutes = min(minutes, 60.0 + SLACK * load.core_seconds / threads / 60)
    return Cost(memory, minutes)


def prediction_request(load: Load, shape: Shape) -> Cost:
    """The request for a prediction with a model: memory for its weights or features, and for the scores.

    It includes what the model keeps beside its weights. That is read from the disk, which is faster if the system can
    cache it in memory.
    """
    own = load.memory if load.weights is None else 8.0 * load.weights + load.kept
    if own is None or shape.documents_tst is None:
        return Cost(UNKNOWN_TRAINING.memory, UNKNOWN.minutes)
    return Cost(_TORCH + MARGIN * (own + 10.0 * _SCORES * shape.documents_tst), UNKNOWN.minutes)


def shared_disk(shape: Shape) -> float | None:
    """Bytes of raw and prepared texts, features and tokens, which all methods on a dataset share."""
    words = shape.all_words
    return None if words is None else words * (2.0 * BYTES_PER_WORD + DISTINCT * 8.0 + 4.0 * TOKENS_PER_WORD)


def own_disk(shape: Shape, runs: int, weights: float, kept: float) -> float | None:
    """Bytes of models with one checkpoint each, and of predictions.

    weights: their number in all runs together. kept: bytes of all runs that models store beside their weights.
    """
    return None if shape.documents_tst is None else 16.0 * weights + kept + runs * shape.documents_tst * 100 * 8.0


Bytes = dict[str, float | None]


def downloads(registry: Registry, datasets: Iterable[str], methods: Iterable[str], root: Path) -> Bytes:
    """Name → bytes of the datasets, encoders and vectors that a grid still has to download; None: size not known."""
    found: Bytes = {}
    methods = list(methods)
    for dataset in datasets:
        cut = registry.datasets[dataset].cut
        whole = dataset if cut is None else cut.cut
        if registry.datasets[whole].folder is None and not (root / "data" / whole / "raw").is_dir():
            found[whole] = _dataset_bytes(registry, whole, root)
        for method in methods:
            for of in registry.trained(method, dataset):
                found |= _parts(registry, registry.made(of.method, dataset, of.member), root)
    return found


def shape_of(registry: Registry, dataset: str, root: Path, published: Published) -> Shape:
    """The shape of the prepared corpus if there is one, else as expected in its definition, else as published."""
    definition = registry.definition(dataset)
    stats = root / f"results/{registry.corpus(whole_of(dataset), split_of(dataset))}/corpus/stats.json"
    known = read_json(unchanged(stats)) if stats.is_file() else plain(definition.expected)
    cut = definition.cut
    if cut is not None:
        whole = shape_of(registry, cut.cut, root, published)
        labels = known.get("labels", whole.labels)
        return Shape(cut.trn, cut.tst, labels, whole.words, whole.labels_per_document)
    name = definition.published_as or ""
    names = {"words": "words_per_document_trn"}
    values = {
        key: known.get(names.get(key, key)) or published.get((name, "-", metric)) for key, metric in _METRICS.items()
    }
    return Shape(**values)


def read_published(folder: Path) -> dict[tuple[str, str, str], float]:
    """(dataset, method, metric) → the first published figure of the method's ensemble, or of the method as a whole."""
    found: dict[tuple[str, str, str], float] = {}
    for path in (folder / name for name in ("statistics.csv", "cost.csv", "eurlex-bow.csv")):
        for row in _rows(path):
            if row["variant"] in ("-", "ensemble", "as-published"):
                found.setdefault((row["dataset"], row["method"], row["metric"]), float(row["value"]))
    return found


def hours_by_words(published: Published, method: str, words: float | None) -> float | None:
    """The median of the published hours per training word on other datasets, times the words of this one."""
    rates = []
    for (dataset, name, metric), hours in published.items():
        documents, length = (published.get((dataset, "-", _METRICS[key])) for key in ("documents_trn", "words"))
        if (name, metric) == (method, "train_hours") and documents and length:
            rates.append(hours / (documents * length))
    return median(rates) * words if rates and words else None


def _dataset_bytes(registry: Registry, dataset: str, root: Path) -> float | None:
    """The size that a mirror states, or else a third of the text's size, as compressed text usually has."""
    for copy in copies(registry.datasets[dataset].mirrors, Expected()):
        sizes = [piece.mirror.bytes for piece in copy.pieces]
        if None not in sizes:
            return float(sum(filter(None, sizes)))
    words = shape_of(registry, dataset, root, read_published(root / "published")).all_words
    return None if words is None else words * BYTES_PER_WORD / 3


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
