"""Build an encoder without pretrained weights: configuration, and a tokenizer trained on the corpus."""

from lightxml_core.cli import start

import argparse
import json
from pathlib import Path

from lightxml_core.corpus.store import load_texts
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.files import seal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--config", type=json.loads, required=True, help="JSON: `scratch` of the backbone's file")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    build_scratch(ScratchConfig(**options.config), load_texts(options.corpus, "trn"), options.out)
    seal(options.out)


if __name__ == "__main__":
    start(main)
