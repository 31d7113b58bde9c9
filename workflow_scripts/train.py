"""Train one member of a method."""

from lightxml_core.cli import start

import argparse
import json
import shutil
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lightxml_core.evaluation.thresholds import best_thresholds
from lightxml_core.files import locked, seal, unchanged, write_json, write_text
from lightxml_core.methods import Method, TrainingData, flatten, holds_out, load_method, make_settings
from lightxml_core.methods.inputs import Inputs, held_out, load_training_data, without_validation
from lightxml_core.training.description import describe_model
from lightxml_core.training.devices import lease_gpus, set_threads
from lightxml_core.training.processes import is_worker, launch, team
from lightxml_core.training.provenance import count_attempt, forget_attempts, provenance
from lightxml_core.values import KEPT_SCORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True, help="name of the implementation")
    Inputs.add_options(parser)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON: settings that differ from the defaults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--without-validation", action="store_true", help="leave the validation documents out")
    parser.add_argument("--from-scratch", action="store_true", help="ignore a checkpoint")
    parser.add_argument("--model", type=Path, required=True, help="folder to write")
    parser.add_argument("--provenance", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--training-log", type=Path, required=True, help="JSON lines to write: steps, epochs")
    parser.add_argument("--processes", type=int, default=1, help="processes that train together, one per GPU; 0 is 1")
    options = parser.parse_args()
    options.processes = max(1, options.processes)
    if is_worker():
        train(options)
        return
    with lease_gpus(options.processes):
        if options.processes > 1:
            launch("workflow_scripts.train", sys.argv[1:], options.processes)
        else:
            train(options)


def train(options: argparse.Namespace) -> None:
    """Train in this process, alone or together with others; the first process writes the results."""
    checkpoint = options.model.parent / "checkpoint"
    started, resume = datetime.now(UTC), not options.from_scratch
    resumed = resume and any(checkpoint.rglob("*.safetensors"))
    set_threads(max(1, options.threads // options.processes))
    method = load_method(options.method)
    settings = replace(make_settings(method, options.settings), seed=options.seed)
    inputs = Inputs.of(options)
    for path in filter(None, (options.encoder, options.names_encoder, options.vectors)):
        unchanged(path)
    with ExitStack() as stack:
        if team().first:
            lock = options.model.parent / ".train.lock"
            stack.enter_context(locked(lock, f"{options.model.parent} is being trained"))
            attempts = count_attempt(options.model.parent, started)
        needs = method.needs(settings)
        data = load_training_data(inputs, needs)
        data = without_validation(data) if options.without_validation else data
        method.fit(data, settings, options.model, resume)
        if not team().first:
            return
        describe_model(options.model, options.method, needs, inputs)
        if holds_out(method, settings) and len(data.validation):
            _keep_thresholds(method, data, options.model)
        about = provenance(flatten(settings), inputs.files(), options.model, started, resumed, attempts)
        seal(options.model)
        live = checkpoint / "training.jsonl"  # written by methods that train in steps
        write_text(options.training_log, live.read_text(encoding="utf-8") if live.is_file() else "")
        seal(options.training_log)
        write_json(options.provenance, about)
        seal(options.provenance)
        forget_attempts(options.model.parent)
        shutil.rmtree(checkpoint, ignore_errors=True)  # last, because a run killed before this resumes from it


def _keep_thresholds(method: Method, data: TrainingData, model: Path) -> None:
    predictions = method.predict(model, held_out(data), KEPT_SCORES)
    if found := best_thresholds(predictions, data.Y[data.validation]):
        found.write(model)


if __name__ == "__main__":
    start(main)
