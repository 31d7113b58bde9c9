"""Fine-tuning a BERT-base-size encoder with a flat head on a GPU: samples a second, share of the matmul peak used.

At 128 tokens against the released recipe (fp16, fixed padding, tokenised in the loader, AdamW unfused), over documents
whose lengths vary as AmazonCat's; at 512 tokens, all full, the share of the peak that the same machine reaches in a
bfloat16 product of 8,192 × 8,192. Then the memory of the GPU that Amazon-670K's shape takes, with both heads.
`python -m benchmarks.encoder_gpu small` runs it all tiny on any device, to try it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from tokenizers import Tokenizer

from benchmarks.candidates import CLUSTERS, LABELS
from benchmarks.harness import compare, measure, report
from benchmarks.synthetic import Shape, generate
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import TokenisedPart, load_tokens, tokenize
from lightxml_core.methods import changed
from lightxml_core.methods.lightxml.model import build_model
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.methods.transformer.inputs import autocast, padded, positives
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.devices import pick_device
from lightxml_core.training.optimisers import adamw


@dataclass(frozen=True)
class Size:
    """How large the measurement is."""

    encoder: ScratchConfig
    documents: int = 512
    labels: int = 13_330
    largest: tuple[int, int] = (LABELS, CLUSTERS)
    batches: tuple[int, ...] = (16, 64, 128)
    product: int = 8_192


FULL = Size(ScratchConfig("bert", 30_000, 768, 12, 12, 512))
SMALL = Size(ScratchConfig("bert", 500, 32, 2, 2, 512), 64, 100, (500, 90), (16,), 256)


def main() -> None:
    size = SMALL if sys.argv[1:] == ["small"] else FULL
    if size is FULL and not torch.cuda.is_available():
        print("encoder_gpu: not measured, because there is no GPU here")
        return
    with tempfile.TemporaryDirectory() as folder:
        texts = generate(size.documents, Shape(size.labels, 30_000, 5.0, 246), 0).texts()
        build_scratch(size.encoder, texts[:500], Path(folder) / "encoder")
        _against_released(size, texts, Path(folder))
        _share_of_peak(size, texts, Path(folder))
        _largest(size, texts, Path(folder))


def _model(size: Size, folder: Path, settings: Settings) -> TextClassifier:
    return build_model(settings, folder / "encoder", size.labels, None).to(pick_device()).train()


def _labels(size: Size) -> sparse.csr_matrix:
    return generate(size.documents, Shape(size.labels, 30_000, 5.0, 30), 0).Y


def _tokens(texts: list[str], folder: Path, longest: int) -> TokenisedPart:
    out = folder / f"tokens-{longest}"
    tokenize(texts, folder / "encoder", longest, "plain", out, "trn")
    return load_tokens(out, "trn")


def _epoch(model: TextClassifier, tokens: TokenisedPart, Y: sparse.csr_matrix, batch: int) -> Callable[[], None]:
    """One pass as the pipeline does it: memory map, batches of like length, bfloat16, fused AdamW."""
    optimizer = adamw([{"params": list(model.parameters()), "lr": 1e-4}])

    def run() -> None:
        for rows in epoch_batches(tokens.lengths, batch, 0, 0, 50):
            with autocast(model, "auto"):
                features = model.backbone(*padded(tokens, rows, model))
                loss = model.loss(features, *positives(Y, rows, model)).total
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        wait()

    return run


def released(model: TextClassifier, texts: list[str], Y: sparse.csr_matrix, tokenizer: Tokenizer) -> Callable[[], None]:
    """One pass as the released code does it, batch 16."""
    device, optimizer = model.mean.device, torch.optim.AdamW(model.parameters(), 1e-4, fused=False, foreach=False)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")

    def run() -> None:
        for rows in epoch_batches(np.ones(len(texts)), 16, 0, 0, 1):
            encoded = [tokenizer.encode(texts[row]) for row in rows]
            ids = torch.tensor([e.ids for e in encoded], device=device)
            mask = torch.tensor([e.attention_mask for e in encoded], device=device).bool()
            dense = torch.from_numpy(Y[rows].toarray()).to(device)
            with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
                head: Any = model.head
                logits = head.classifier(model.prepare(model.backbone(ids, mask)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), dense)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            loss.item()
        wait()

    return run


def _against_released(size: Size, texts: list[str], folder: Path) -> None:
    longest, layers = 128, min(5, size.encoder.layers)
    # half of AmazonCat's documents are shorter than 128 tokens
    lengths = np.random.default_rng(0).lognormal(np.log(246.6) - 0.5, 1.0, len(texts)).clip(4, 400).astype(int)
    cut = [" ".join(text.split()[:count]) for text, count in zip(texts, lengths, strict=True)]
    tokenizer = Tokenizer.from_file(str(folder / "encoder/tokenizer.json"))
    tokenizer.enable_truncation(longest)
    tokenizer.enable_padding(length=longest)
    Y, tokens = _labels(size), _tokens(cut, folder, longest)
    for batch in size.batches:
        ours, other = (_model(size, folder, changed(Settings(), layers=layers, max_tokens=longest)) for _ in range(2))
        run = _epoch(ours, tokens, Y, batch)
        notes: Any = {"goal": 0.2, "notes": {"documents": len(texts), "batch": batch}, "clock": "wall"}
        against = "the released recipe, batch 16, 128 tokens"
        compare(f"encoder_128_{batch}", run, released(other, cut, Y, tokenizer), against=against, **notes)


def _share_of_peak(size: Size, texts: list[str], folder: Path) -> None:
    longest, layers = 512, min(5, size.encoder.layers)
    long = [" ".join([text] * (1 + longest // len(text.split()))) for text in texts[: size.documents // 4]]
    Y, tokens = _labels(size)[: len(long)], _tokens(long, folder, longest)
    assert (tokens.lengths == longest).all()
    peak = matmul_peak(size.product)
    for batch in size.batches:
        model = _model(size, folder, changed(Settings(), layers=layers, max_tokens=longest))
        run = _epoch(model, tokens, Y, batch)
        run()
        seconds = measure({"epoch": run}, 3)["epoch"]["wall"]
        rate = len(long) / float(np.median(seconds))
        used = rate * flops(model, longest) / peak
        notes = {"samples_a_second": rate, "peak_tflops": peak / 1e12, "batch": batch}
        report(f"encoder_512_{batch}", 0.45 / used, 1.0, f"45% of the matmul peak ({used:.1%} used)", notes)


def _largest(size: Size, texts: list[str], folder: Path) -> None:
    """The paper's model for Amazon-670K: recall and rank head, 75 clusters kept, batch 16, 128 tokens."""
    (labels, count), longest = size.largest, 128
    clusters = sparse.csr_matrix((np.ones(labels), (np.arange(labels), np.arange(labels) * count // labels)))
    settings = changed(Settings(), head="clustered", layers=min(5, size.encoder.layers), max_tokens=longest)
    model = build_model(settings, folder / "encoder", labels, clusters).to(pick_device()).train()
    Y = sparse.random(len(texts), labels, 5 / labels, "csr", random_state=0)
    run = _epoch(model, _tokens(texts, folder, longest), Y, settings.training.batch)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    run()
    rate = len(texts) / float(np.median(measure({"epoch": run}, 3)["epoch"]["wall"]))
    peak = torch.cuda.max_memory_allocated() / 1e9
    report(
        "memory_gpu_measured",
        peak,
        16.0,
        f"BERT-base and the head of Amazon-670K on a GPU (GB), measured; {rate:.0f} documents/s",
        {},
    )


def flops(model: TextClassifier, tokens: int) -> float:
    """Floating-point operations of a training step a document: 6 a weight and token, and the attention products."""
    config: Any = model.backbone.encoder.config
    dense = config.num_hidden_layers * 12 * config.hidden_size**2
    attention = config.num_hidden_layers * 2 * tokens * config.hidden_size
    head = sum(parameter.numel() for parameter in model.head.parameters())
    return 6.0 * tokens * (dense + attention) + 6.0 * head


def matmul_peak(size: int) -> float:
    """Operations a second of a bfloat16 product, the best of 20."""
    device = pick_device()
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        wait()
        started = time.perf_counter()
        a @ b
        wait()
        best = min(best, time.perf_counter() - started)
    return 2.0 * size**3 / best


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
