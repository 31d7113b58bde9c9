"""The training step on a GPU: checks it, times each variant of it, and says which goals are reached.

`python -m benchmarks.gpu_step` needs a GPU; `--dry` runs everything with tiny shapes on any device, to try the script.

The variants, of which each adds to the one before it: `plain` reads the loss of every step; `fast` does not wait for
the GPU; `few widths` pads batches to at most eight lengths; `compiled` compiles the encoder's layers; `graphs` records
them as CUDA graphs. `no dropout` is `compiled` without the encoder's dropout. `packed` is `no dropout` with packed
instead of padded documents. Then the released recipe and prediction are timed. The goals are compared with the fastest
variant that has dropout.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from tokenizers import Tokenizer

from benchmarks.candidates import CLUSTERS, LABELS
from benchmarks.encoder_gpu import flops, matmul_peak, released, wait
from benchmarks.harness import report
from benchmarks.synthetic import Shape, generate
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import TokenisedPart
from lightxml_core.methods import TrainingData, changed
from lightxml_core.methods.lightxml.model import head_of
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer import training
from lightxml_core.methods.transformer.inputs import Batch, batch_of, widths_of
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.prediction import predict_rows
from lightxml_core.training.ahead import made_ahead
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import TrainingLog
from lightxml_core.training.loop import TrainingRun


@dataclass(frozen=True)
class Variant:
    """How the steps of a training are computed.

    few_widths: batches are padded to few different lengths. graphs: the compiled layers are CUDA graphs. dropout: the
    encoder's own dropout is on.
    """

    fast: bool = True
    few_widths: bool = True
    compiled: bool = False
    graphs: bool = False
    dropout: bool = True
    packed: bool = False


VARIANTS = {
    "plain": Variant(fast=False, few_widths=False),
    "fast": Variant(few_widths=False),
    "few widths": Variant(),
    "compiled": Variant(compiled=True),
    "graphs": Variant(compiled=True, graphs=True),
    "no dropout": Variant(compiled=True, dropout=False),
    "packed": Variant(compiled=True, dropout=False, packed=True),
}
PREDICTED, GIB = 153_025, 2**30


@dataclass(frozen=True)
class Case:
    """A shape to train at. labels in `clusters` clusters; 0 clusters: the flat head. full: no document is shorter."""

    name: str
    encoder: ScratchConfig
    tokens: int
    batch: int
    labels: int = 13_330
    clusters: int = 0
    full: bool = False
    steps: int = 40


BERT = ScratchConfig("bert", 30_000, 768, 12, 12, 512)
MINILM = ScratchConfig("bert", 30_000, 384, 12, 12, 512)
TINY = ScratchConfig("bert", 500, 32, 2, 2, 64)
CASES = (
    Case("bert 16 x 512", BERT, 512, 16, full=True),
    Case("bert 128 x 512", BERT, 512, 128, full=True, steps=20),
    Case("bert 16 x 128", BERT, 128, 16),
    Case("amazon-670k", BERT, 128, 16, LABELS, CLUSTERS),
    Case("minilm 32 x 128", MINILM, 128, 32, 6_000),
)
DRY = tuple(
    replace(case, encoder=TINY, tokens=32, batch=4, steps=2, labels=200, clusters=min(case.clusters, 9))
    for case in CASES
)


@dataclass(frozen=True)
class Measured:
    """Documents per second, share of the matmul peak, and bytes of memory at most."""

    rate: float
    share: float
    memory: int


def main() -> None:
    dry = sys.argv[1:] == ["--dry"]
    if not dry and not torch.cuda.is_available():
        print("gpu_step: not measured, because there is no GPU here")
        return
    if not dry:  # nothing waits, losses as in the plain step, killed runs resume
        subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/methods/test_gpu.py"], check=True)
    peak, found = matmul_peak(64 if dry else 8_192), dict[str, dict[str, Measured]]()
    with tempfile.TemporaryDirectory() as folder:
        for case in DRY if dry else CASES:
            found[case.name] = {}
            for name, variant in VARIANTS.items():
                how = replace(variant, compiled=variant.compiled and not dry)  # compiling takes minutes on a CPU
                found[case.name][name] = now = measured(case, how, peak, Path(folder))
                figures = f"{now.rate:9.0f} documents/s {now.share:6.1%} {now.memory / GIB:6.2f} GiB"
                print(f"{case.name:<18} {name:<12} {figures}", flush=True)
        recipe = _released(DRY[2] if dry else CASES[2], Path(folder))
        predicting = _predicting(DRY[3] if dry else CASES[3], Path(folder))
    print(f"the released recipe at 128 tokens: {recipe:.0f} documents/s; predicting: {predicting:.0f} documents/s")
    _goals(found, recipe, predicting, keep=not dry)


def measured(case: Case, variant: Variant, peak: float, folder: Path) -> Measured:
    """Train two epochs; the second is timed, in which a variant that must not wait is stopped if it does."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    trial = begun(case, variant, folder)
    rate = timed(trial, strict=torch.cuda.is_available() and variant.fast)
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return Measured(rate, rate * flops(trial.model, round(trial.tokens.lengths.mean())) / peak, memory)


def timed(trial: Trial, strict: bool = False) -> float:
    """Documents per second of a second epoch, without its reading of losses.

    strict: it is an error if the CPU waits for the GPU meanwhile.
    """
    _take(trial.run, 0)
    trial.run.read()
    wait()
    started = time.perf_counter()
    if strict:
        torch.cuda.set_sync_debug_mode("error")
    try:
        _take(trial.run, 1)
    finally:
        if strict:
            torch.cuda.set_sync_debug_mode("default")
    wait()
    seconds = time.perf_counter() - started
    trial.run.read()
    return len(trial.tokens) / seconds


@dataclass(frozen=True)
class Trial:
    """A training before its first step, with its model, texts and labels."""

    run: TrainingRun
    model: TextClassifier
    tokens: TokenisedPart
    Y: sparse.csr_matrix


def begun(case: Case, variant: Variant, folder: Path) -> Trial:
    """A training at this shape."""
    data = _data(case, folder)
    settings = changed(_settings(case), encoder_dropout=variant.dropout, packing=variant.packed)
    rows = np.arange(data.Y.shape[0])
    parts = training.Parts(settings.heads.head, head_of(settings, case.labels, data.clusters))
    model = training._set_up(data, settings, parts, rows)
    task = training._task(model, data, rows, settings, lambda _batch, _epoch: {}, None)
    plan = replace(training._plan(model, settings, parts, len(rows)), step="fast" if variant.fast else "plain")
    assert data.tokens is not None
    if variant.few_widths and not variant.packed:
        widths = widths_of(data.tokens.lengths)
        task = replace(task, prepare=partial(_padded, data.tokens, data.Y, model, widths))
    if variant.compiled:
        model.backbone.compile_layers(case.batch, graphs=variant.graphs)
    own = Path(tempfile.mkdtemp(dir=folder))
    run = TrainingRun(task, plan, Checkpoint(own, "run"), TrainingLog(own / "log.jsonl", None))
    return Trial(run, model, data.tokens, data.Y)


def _padded(
    tokens: TokenisedPart, Y: sparse.csr_matrix, model: TextClassifier, widths: list[int], rows: np.ndarray
) -> Batch:
    return batch_of(tokens, Y, rows, model, widths)


def _take(run: TrainingRun, epoch: int) -> None:
    """Take all steps of an epoch."""
    run.model.train()
    make = made_ahead if run.update.read_every > 1 else map
    for batches in make(run.prepare, run.task.steps(epoch)):
        run.take(epoch, batches)


def _settings(case: Case) -> Settings:
    return changed(
        Settings(),
        head="clustered" if case.clusters else "flat",
        layers=min(5, case.encoder.layers),
        max_tokens=case.tokens,
        batch=case.batch,
        epochs=2,
        select="last",
        swa_step=0,
    )


def _data(case: Case, folder: Path) -> TrainingData:
    """Random tokens and labels. Lengths vary as AmazonCat's, or all documents are full."""
    encoder = folder / f"encoder-{case.encoder.width}"
    if not encoder.exists():
        build_scratch(case.encoder, _texts(400), encoder)
    random, count = np.random.default_rng(0), case.batch * case.steps
    lengths = random.lognormal(np.log(246.6) - 0.5, 1.0, count).clip(8, case.tokens).astype(int)
    lengths = np.full(count, case.tokens) if case.full else lengths
    ids = random.integers(10, 60, lengths.sum()).astype(np.int32)
    Y = sparse.random(count, case.labels, 5 / case.labels, "csr", dtype=np.float32, random_state=0)
    places = np.arange(case.labels)
    of = sparse.csr_matrix((np.ones(case.labels, np.float32), (places, places * case.clusters // case.labels)))
    return TrainingData(
        Y=Y,
        tokens=TokenisedPart(ids, np.concatenate([[0], np.cumsum(lengths)])),
        clusters=of if case.clusters else None,
        encoder=encoder,
        validation=np.arange(0),
    )


def _texts(count: int) -> list[str]:
    return generate(count, Shape(100, 30_000, 5.0, 246), 0).texts()


def _released(case: Case, folder: Path) -> float:
    """Documents per second of the released recipe, every document padded to the longest."""
    trial, texts = begun(case, VARIANTS["plain"], folder), _texts(case.batch * case.steps)
    tokenizer = Tokenizer.from_file(str(folder / f"encoder-{case.encoder.width}" / "tokenizer.json"))
    tokenizer.enable_truncation(case.tokens)
    tokenizer.enable_padding(length=case.tokens)
    epoch = released(trial.model, texts, trial.Y, tokenizer)
    epoch()
    started = time.perf_counter()
    epoch()
    return len(texts) / (time.perf_counter() - started)


def _predicting(case: Case, folder: Path) -> float:
    trial = begun(replace(case, steps=4 * case.steps), VARIANTS["fast"], folder)
    model, tokens = trial.model.eval(), trial.tokens
    for _ in range(2):
        started = time.perf_counter()
        predict_rows(model, tokens, np.arange(len(tokens)), 100, "auto")
    return len(tokens) / (time.perf_counter() - started)


def _goals(found: dict[str, dict[str, Measured]], recipe: float, predicting: float, keep: bool) -> None:
    """One line per goal, from the fastest variant at its shape."""
    with_dropout = [name for name, variant in VARIANTS.items() if variant.dropout]
    best = {name: max((of[one] for one in with_dropout), key=lambda one: one.rate) for name, of in found.items()}
    large = best["amazon-670k"]
    goals = (
        ("share of the matmul peak, bert 16 x 512", best["bert 16 x 512"].share, 0.40),
        ("share of the matmul peak, bert 128 x 512", best["bert 128 x 512"].share, 0.50),
        ("bert 16 x 128, times the released recipe", best["bert 16 x 128"].rate / recipe, 5.0),
        ("amazon-670k, documents/s", large.rate, 2_000.0),
        ("amazon-670k, 8 GiB over the memory taken", 8 * GIB / max(large.memory, 1), 1.0),
        ("amazon-670k, documents/s, further goal", large.rate, 4_000.0),
        ("amazon-670k, 4 GiB over the memory taken, further goal", 4 * GIB / max(large.memory, 1), 1.0),
        ("minilm 32 x 128, one training, documents/s", best["minilm 32 x 128"].rate, 5_900.0),
        (f"predicting {PREDICTED:,} documents, times as fast as in one minute", predicting * 60 / PREDICTED, 1.0),
    )
    for number, (what, value, goal) in enumerate(goals):
        if keep:
            print(f"{what}: {value:.3g} of {goal:g}: {'reached' if value >= goal else 'not reached'}")
            report(f"gpu_step_{number}", goal / value, 1.0, what, {"value": value, "wanted": goal})
        else:
            print(f"dry run, not a measurement: {what}: {value:.3g} of {goal:g}")


if __name__ == "__main__":
    main()
