"""Tokenise both parts of a corpus."""

from lightxml_core.cli import start

import argparse
from pathlib import Path

from lightxml_core.corpus.store import load_texts
from lightxml_core.encoders.tokens import describe_tokens, load_tokens, tokenize
from lightxml_core.files import seal, unchanged
from lightxml_core.training.devices import set_threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--max-tokens", type=int, required=True, help="special tokens included")
    parser.add_argument("--text", choices=["plain", "official"], default="plain", help="how texts are prepared")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    set_threads(options.threads)
    unchanged(options.encoder)
    for part in ("trn", "tst"):
        texts = load_texts(options.corpus, part)
        tokenize(texts, options.encoder, options.max_tokens, options.text, options.out, part)
    describe_tokens(options.encoder, options.max_tokens, options.text, options.out)
    seal(options.out)
    for part in ("trn", "tst"):
        lengths = load_tokens(options.out, part).lengths
        print(f"{part}: {len(lengths):,} documents, {lengths.mean():.1f} tokens per document")


if __name__ == "__main__":
    start(main)
