"""Write down the runs of a target."""

import argparse
import json
from pathlib import Path

from lightxml_core.cli import start
from lightxml_core.files import seal, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selection", type=json.loads, required=True, help="JSON, as Registry.selection gives it")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_json(options.out, options.selection)
    seal(options.out)


if __name__ == "__main__":
    start(main)
