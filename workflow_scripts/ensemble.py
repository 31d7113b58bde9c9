"""Combine the predictions of several members."""

from lightxml_core.cli import start

import argparse
from pathlib import Path
from typing import get_args

from lightxml_core.evaluation.ensemble import How, ensemble
from lightxml_core.files import load_csr, read_json, save_csr, seal, unchanged
from lightxml_core.values import KEPT_SCORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=Path, required=True, help="JSON list: the members' predictions")
    parser.add_argument("--how", choices=get_args(How), required=True)
    parser.add_argument("--top", type=int, default=KEPT_SCORES, help="scores to keep per document")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    members = [load_csr(unchanged(Path(path))) for path in read_json(options.members)]
    save_csr(options.out, ensemble(members, options.how, options.top))
    seal(options.out)


if __name__ == "__main__":
    start(main)
