"""The most memory that each stage takes at Amazon-670K's shape: 490,449 documents, 670,091 labels, every program real.

A synthetic corpus goes through the programs of the workflow; the training (small encoder, the paper's head: b = 400,
8,192 clusters, K = 75) is stopped after 20 steps. `python -m benchmarks.memory [documents labels]` for another shape.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import report
from benchmarks.synthetic import Shape, generate

DOCUMENTS, LABELS, STEPS = 490_449, 670_091, 20
STAGES_GOAL, TRAINING_GOAL = 8.0, 12.0  # GB
SCRATCH = {"type": "bert", "vocabulary": 8000, "width": 128, "layers": 2, "heads": 4, "positions": 128}
TRAINING = {"head": "clustered", "bottleneck": 400, "clusters_kept": 75, "layers": 2, "max_tokens": 128, "batch": 16}
BERT_BASE = 109_482_240


def main() -> None:
    documents, labels = map(int, sys.argv[1:]) if len(sys.argv) > 1 else (DOCUMENTS, LABELS)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        os.chdir(folder)
        # in a process of its own: a program counts the memory of the process that started it as its own first
        making = multiprocessing.get_context("spawn").Process(target=_raw, args=(Path("raw"), documents, labels))
        making.start()
        making.join()
        if making.exitcode:
            sys.exit("the corpus could not be made")
        shape = {"documents": documents, "labels": labels}
        for name, command in _stages():
            started, peak = time.monotonic(), _peak(command)
            took = f"most memory that {name} may take (GB), {time.monotonic() - started:.0f} s"
            report(f"memory_{name}", peak, STAGES_GOAL, took, shape)
        peak = _training_peak()
        report("memory_train", peak, TRAINING_GOAL, f"most memory that training may take (GB), {STEPS} steps", shape)
    report("memory_gpu", gpu_gb(labels), 16.0, "BERT-base and the same head on a GPU (GB), calculated", shape)


def gpu_gb(labels: int, batch: int = 16, tokens: int = 128) -> float:
    """GB of BERT-base with the head: weights, gradients, two moments in float32, a step's activations in bfloat16.

    Kept for the backward pass, a layer: about 34 × tokens × width values of 1 byte and 5 × heads × tokens² (Korthikanti
    et al., 2022, section 4); and of the head: the gathered rows of 75 clusters of 82 labels with their gradient.
    """
    width, heads, layers, clusters, bottleneck = 768, 12, 12, 8_192, 400
    parameters = BERT_BASE + 5 * width * (clusters + bottleneck) + labels * bottleneck
    activations = layers * batch * (34 * tokens * width + 5 * heads * tokens**2)
    candidates = batch * 75 * -(-labels // clusters) * bottleneck * 4
    return (16 * parameters + activations + 2 * candidates) / 1e9


def _raw(folder: Path, documents: int, labels: int) -> None:
    folder.mkdir()
    for part, count, seed in (("train", documents, 0), ("test", 1000, 1)):
        made = generate(count, Shape(labels, 135_909, 5.43, 95), seed)
        (folder / f"{part}_texts.txt").write_text("\n".join(made.texts()) + "\n")
        rows = (made.Y.indices[a:b] for a, b in zip(made.Y.indptr[:-1], made.Y.indptr[1:], strict=True))
        (folder / f"{part}_labels.txt").write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))


def _stages() -> list[tuple[str, list[str]]]:
    texts, raw = ["--corpus", "corpus"], ["--raw", "raw", "--layout", "attentionxml", "--dataset", "made"]
    labels, of_features = ["--labels", "corpus/Y.trn.npz"], ["--features", "features/X.trn.npz"]
    tree = ["--max-leaf", "100", "--seed", "0", "--threads", "1"]
    scratch = ["--config", json.dumps(SCRATCH)]
    return [
        ("corpus", ["prepare_corpus", *raw, "--out", "corpus"]),
        ("features", ["build_features", *texts, "--kind", "tfidf", "--settings", "{}", "--out", "features"]),
        ("clusters", ["cluster_labels", *of_features, *labels, *tree, "--out", "clusters.npz"]),
        ("encoder", ["build_encoder", *texts, *scratch, "--out", "encoder"]),
        ("tokens", ["tokenize", *texts, "--encoder", "encoder", "--max-tokens", "128", "--out", "tokens"]),
        ("split", ["split_validation", *labels, "--documents", "400", "--out", "corpus/validation.npy"]),
    ]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(sys.path)
    program = [sys.executable, "-m", f"workflow_scripts.{command[0]}", *command[1:]]
    return subprocess.Popen(program, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})


def _peak(command: list[str]) -> float:
    """GB: the highest resident memory of a program that runs to its end."""
    process = _start(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return usage.ru_maxrss * 1024 / 1e9


def _training_peak() -> float:
    """GB: the highest resident memory of the training up to a step."""
    inputs = ["--corpus", "corpus", "--encoder", "encoder", "--tokens", "tokens", "--clusters", "clusters.npz"]
    outputs = ["--model", "model", "--provenance", "provenance.json", "--training-log", "log.jsonl"]
    process = _start(["train", "--method", "lightxml", *inputs, "--settings", json.dumps(TRAINING), *outputs])
    log = Path("checkpoint/training.jsonl")
    while not log.is_file() or len(log.read_text().splitlines()) < STEPS:
        if process.poll() is not None:
            sys.exit("the training failed")
        time.sleep(0.5)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.kill()
    process.wait()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    main()
