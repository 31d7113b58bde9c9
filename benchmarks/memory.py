"""The most memory that each stage takes, every program real, on synthetic corpora of a wanted shape.

`python -m benchmarks.memory`: Amazon-670K's shape, 490,449 documents and 670,091 labels. The training (small encoder,
the paper's head: b = 400, 8,192 clusters, K = 75) is stopped after 20 steps. `python -m benchmarks.memory documents
labels` for another number of either.
`python -m benchmarks.memory wiki-500k 10`: the stages before the training at a tenth of the documents (1,779,881 and
769,421 of 808 words) and labels (501,008) of Wiki-500K.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import report
from benchmarks.synthetic import Shape, generate, words

DOCUMENTS, LABELS, STEPS = 490_449, 670_091, 20
STAGES_GOAL, WIKI_GOAL, TRAINING_GOAL = 8.0, 16.0, 12.0  # GB
SCRATCH = {"type": "bert", "vocabulary": 8000, "width": 128, "layers": 2, "heads": 4, "positions": 128}
TRAINING = {"head": "clustered", "bottleneck": 400, "clusters_kept": 75, "layers": 2, "max_tokens": 128, "batch": 16}
BERT_BASE = 109_482_240


@dataclass(frozen=True)
class Case:
    """What is measured. pieces: documents made at a time. tokenizer: training documents that teach it its words."""

    name: str
    trn: int
    tst: int
    shape: Shape
    pieces: int
    tokenizer: int
    goal: float


def wiki_500k(share: int) -> Case:
    """Wiki-500K with one document and label of `share`. Of ten million words, most of them rare."""
    shape = Shape(501_008 // share, 10_000_000, 4.75, 808)
    return Case(
        f"wiki500k_{share}",
        1_779_881 // share,
        769_421 // share,
        shape,
        10_000,
        min(2_000, 1_779_881 // share),
        WIKI_GOAL,
    )


def main() -> None:
    wiki = sys.argv[1:2] == ["wiki-500k"]
    if wiki:
        case = wiki_500k(int(sys.argv[2]))
    else:
        documents, labels = map(int, sys.argv[1:]) if len(sys.argv) > 1 else (DOCUMENTS, LABELS)
        case = Case("", documents, 1000, Shape(labels, 135_909, 5.43, 95), documents, documents, STAGES_GOAL)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        os.chdir(folder)
        # in a process of its own: a program counts the memory of the process that started it as its own first
        making = multiprocessing.get_context("spawn").Process(target=_raw, args=(Path("raw"), case))
        making.start()
        making.join()
        if making.exitcode:
            sys.exit("the corpus could not be made")
        shape = {"documents": case.trn, "tests": case.tst, "labels": case.shape.labels}
        for name, command in _stages(case):
            started, used = time.monotonic(), _used(command)
            took = f"peak memory of {name} (GB), {time.monotonic() - started:.0f} s, with mapped files {used.all:.1f}"
            details = {
                **shape,
                "seconds": time.monotonic() - started,
                "processor_seconds": used.seconds,
                "all": used.all,
            }
            report("_".join(filter(None, ("memory", case.name, name))), used.own, case.goal, took, details)
        if wiki:
            return
        peak = _training_peak()
        report("memory_train", peak, TRAINING_GOAL, f"peak memory of the training (GB), {STEPS} steps", shape)
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


def _raw(folder: Path, case: Case) -> None:
    folder.mkdir()
    names = words(case.shape.vocabulary)
    for part, documents, seed in (("train", case.trn, 0), ("test", case.tst, 1)):
        with (folder / f"{part}_texts.txt").open("w") as texts, (folder / f"{part}_labels.txt").open("w") as labels:
            for start in range(0, documents, case.pieces):
                made = generate(min(case.pieces, documents - start), case.shape, 2 * start + seed)
                texts.writelines(f"{text}\n" for text in made.texts(names))
                rows = zip(made.Y.indptr[:-1], made.Y.indptr[1:], strict=True)
                labels.writelines(" ".join(map(str, made.Y.indices[a:b])) + "\n" for a, b in rows)


def _stages(case: Case) -> list[tuple[str, list[str]]]:
    texts, raw = ["--corpus", "corpus"], ["--raw", "raw", "--layout", "attentionxml", "--dataset", "made"]
    labels, of_features = ["--labels", "corpus/Y.trn.npz"], ["--features", "features/X.trn.npz"]
    tree = ["--max-leaf", "100", "--seed", "0", "--threads", "1"]
    few = ["--cut", "corpus", "--trn", str(case.tokenizer), "--tst", "1", "--dataset", "few", "--out", "few"]
    return [
        ("corpus", ["prepare_corpus", *raw, "--out", "corpus"]),
        ("features", ["build_features", *texts, "--kind", "tfidf", "--settings", "{}", "--out", "features"]),
        ("clusters", ["cluster_labels", *of_features, *labels, *tree, "--out", "clusters.npz"]),
        ("cut", ["prepare_corpus", *few]),
        ("encoder", ["build_encoder", "--corpus", "few", "--config", json.dumps(SCRATCH), "--out", "encoder"]),
        ("tokens", ["tokenize", *texts, "--encoder", "encoder", "--max-tokens", "128", "--out", "tokens"]),
        (
            "split",
            ["split_validation", *labels, "--dataset", "made", "--documents", "400", "--out", "corpus/validation.npy"],
        ),
    ]


@dataclass(frozen=True)
class Used:
    """The highest memory of a program, in GB, and its processor seconds.

    own: what must be in memory. all: with the pages of mapped files, which the system takes back where it needs them.
    """

    own: float
    all: float
    seconds: float


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(sys.path)
    program = [sys.executable, "-m", f"workflow_scripts.{command[0]}", *command[1:]]
    return subprocess.Popen(program, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})


def _used(command: list[str]) -> Used:
    """What a program that runs to its end takes; its own memory is looked at ten times a second."""
    process, own = _start(command), 0.0
    status = Path(f"/proc/{process.pid}/status")
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        own = max(own, sum(_kilobytes(status, kind) for kind in ("RssAnon", "RssShmem")) / 1e6)
        time.sleep(0.1)
    _, ended, usage = os.wait4(process.pid, 0)
    if ended:
        sys.exit(f"{command[0]} failed")
    return Used(own, usage.ru_maxrss * 1024 / 1e9, usage.ru_utime + usage.ru_stime)


def _kilobytes(status: Path, kind: str) -> float:
    """A line of /proc's status in thousands of bytes; 0 where it is not there, at a program's end."""
    line = next((line for line in status.read_text().splitlines() if line.startswith(f"{kind}:")), "0 0")
    return int(line.split()[1]) * 1.024


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
