"""Batches from the memory map against tokenising in the loader, and the share of padding that is computed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from benchmarks.harness import compare, report
from benchmarks.synthetic import EURLEX_4K, generate
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.encoders.tokens import load_tokens, tokenize
from lightxml_core.training.batches import epoch_batches

BATCH, DOCUMENTS, MAX_TOKENS = 16, 4_000, 512


def main() -> None:
    texts = generate(DOCUMENTS, EURLEX_4K, seed=0).texts()
    with tempfile.TemporaryDirectory() as folder:
        encoder, out = Path(folder) / "encoder", Path(folder) / "tokens"
        build_scratch(ScratchConfig("bert", 30_000, 32, 2, 2, MAX_TOKENS), texts, encoder)
        tokenize(texts, encoder, MAX_TOKENS, "plain", out, "trn")
        tokens = load_tokens(out, "trn")
        batches = epoch_batches(tokens.lengths, BATCH, 0, 0, 50)
        tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding(length=MAX_TOKENS)

        def from_map() -> None:
            for rows in batches:
                tokens.pad(rows, 0)

        def in_the_loader() -> None:
            for rows in batches:
                np.array([tokenizer.encode(texts[row]).ids for row in rows])

        notes = {"documents": DOCUMENTS, "tokens_per_document": float(tokens.lengths.mean())}
        compare("loading", from_map, in_the_loader, against="tokenising one document at a time", goal=0.05, notes=notes)
        amazoncat = np.random.default_rng(0).lognormal(np.log(246.6) - 0.5, 1.0, 200_000).clip(8, 512).astype(np.int64)
        computed = sum(
            len(rows) * -(-int(amazoncat[rows].max()) // 8) * 8 for rows in epoch_batches(amazoncat, BATCH, 0, 0, 50)
        )
        report("padding", computed / int(amazoncat.sum()), 1.05, "the real tokens", {"documents": len(amazoncat)})


if __name__ == "__main__":
    main()
