"""Model cards: a Markdown file per trained model in the form of the Hugging Face hub. Imports nothing heavy.

Its head is YAML, as the hub's model card metadata has it (https://huggingface.co/docs/hub/model-cards); the results are
under `model-index`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from lightxml_core.errors import InputError
from lightxml_core.evaluation.catalogue import HEADLINE
from lightxml_core.files import link_or_copy, new_folder, read_json, unchanged, write_text
from lightxml_core.reporting.costs import prediction_time
from lightxml_core.reporting.features import built_here, has_texts
from lightxml_core.reporting.markup import Table, markdown_escape
from lightxml_core.reporting.numbers import MISSING, duration
from lightxml_core.reporting.runs import Result
from lightxml_core.reporting.titles import title_of
from lightxml_core.reporting.validation import validation_of
from lightxml_core.selection import PartInfo, Run, Selection

_INTERVAL = 1.96  # standard errors on either side of a mean: 95% of a normal distribution
_UNSTATED = "not stated in its definition: look it up at the source before you share the model"
_CORPUS_VECTORS = ("random", "corpus")


def write_cards(selection: Selection, out: Path) -> None:
    """Write the folder `out` anew, with a card per trained model; an ensemble has no weights and no card.

    Raises InputError where the metrics of a run, or the statistics of its corpus, cannot be read.
    """
    with new_folder(out) as folder:
        for run in selection.runs:
            if run.member is not None:
                write_text(folder / card_name(run), card(selection, Result(run)))


def export_models(selection: Selection, out: Path) -> list[Path]:
    """Write a folder per trained model in the Hugging Face hub's form: the model's files, and its card as README.md.

    Returns the folders. The files are hard links where the file system allows it, and then take no space. Ensembles and
    blends are left out, because they have no weights of their own. InputError if `out` exists, or if a model is missing
    or has changed.
    """
    if out.exists():
        raise InputError(f"{out} is there already: name another folder")
    runs = [run for run in selection.runs if run.member is not None and not run.blended]
    with new_folder(out) as folder:
        for run in runs:
            place, model = folder / Path(card_name(run)).stem, unchanged(run.path / "model")
            shutil.copytree(
                model, place, copy_function=link_or_copy, ignore=shutil.ignore_patterns(".snakemake_timestamp")
            )
            write_text(place / "README.md", card(selection, Result(run), Path()))
    return [out / Path(card_name(run)).stem for run in runs]


def card_name(run: Run) -> str:
    """The file of a model's card."""
    return f"{run.dataset}_{run.method}_{run.member}_seed{run.seed}.md"


def card(selection: Selection, result: Result, model: Path | None = None) -> str:
    """The card of one trained model: its data, recipe, figures, limits and licences.

    model: the path of the model's folder that the card shows; by default the one in the results.
    """
    head = yaml.safe_dump(_metadata(selection, result), sort_keys=False, allow_unicode=True, width=1000)
    run = result.run
    names = title_of(selection.methods, run.method), title_of(selection.datasets, run.dataset)
    parts = [
        f"# {markdown_escape(' on '.join(names))}: {markdown_escape(run.variant)}, seed {run.seed}",
        "Extreme multi-label text classification: the model ranks all labels of the dataset for a text.",
        "## Use",
        *_use(selection, run, model or run.path / "model"),
        *_section("Data", _data(selection, result)),
        *_section("Recipe", _recipe(selection, result)),
        "All settings:",
        _block(json.dumps(result.provenance.get("settings", run.settings), indent=2, ensure_ascii=False)),
        _figures(result).markdown().rstrip(),
        *_section("Limits", _limits(selection, result)),
        *_section("Licences", _licences(selection, result)),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(parts) + "\n"


def _metadata(selection: Selection, result: Result) -> dict[str, Any]:
    run, encoder = result.run, _encoder(selection, result.run)
    metrics = [{"type": name.lower(), "name": name, "value": round(result.metrics[name], 2)} for name in _shown(result)]
    found: dict[str, Any] = {
        "license": "other",
        "license_name": "see-the-section-licences",
        "library_name": "lightxml-core",
        "pipeline_tag": "text-classification",
        "tags": ["extreme-multi-label-classification", run.method],
    }
    if encoder and encoder.hub:
        found["base_model"] = encoder.hub
    found["model-index"] = [
        {
            "name": f"{run.method}-{run.member}-{run.dataset}-seed{run.seed}",
            "results": [
                {
                    "task": {"type": "text-classification", "name": "Extreme multi-label text classification"},
                    "dataset": {
                        "name": title_of(selection.datasets, run.dataset),
                        "type": run.dataset,
                        "split": "test",
                    },
                    "metrics": metrics,
                }
            ],
        }
    ]
    return found


def _section(title: str, facts: Iterable[tuple[str, Any]]) -> list[str]:
    """A heading and a list of facts; those without a value are left out."""
    lines = [f"- {name}: {markdown_escape(str(value))}" for name, value in facts if value]
    return [f"## {title}", "\n".join(lines)]


def _block(text: object) -> str:
    """Text as it is, in a block of code."""
    return "\n".join(f"    {line}" for line in str(text).splitlines())


def _use(selection: Selection, run: Run, folder: Path) -> list[str]:
    if _reads_texts(selection, run):
        what, place = "The model tags new texts:", folder
        if run.blended:
            members = ", ".join(markdown_escape(of.name) for of in run.blended)
            what = f"A blend of the predictions of {members}. It tags new texts with their models in the results:"
            place = run.path / "model"
        return [what, _block(f'python -m lightxml_core predict --model {place} "a text"')]
    return ["The model reads features that the dataset ships, so it predicts within the workflow only:", _block(folder)]


def _reads_texts(selection: Selection, run: Run) -> bool:
    """Whether everything that the model reads is made from texts."""
    return has_texts(selection, run.dataset) and (
        run.features is None or built_here(selection, run.dataset, run.features)
    )


def _data(selection: Selection, result: Result) -> list[tuple[str, Any]]:
    entry = selection.datasets[result.run.dataset]
    stats = read_json(unchanged(entry.stats))
    counts = f"{stats['documents_trn']:,} for training, {stats['documents_tst']:,} for the test"
    return [
        ("dataset", title_of(selection.datasets, result.run.dataset)),
        ("about", entry.note),
        ("documents", counts),
        (
            "labels",
            f"{stats['labels']:,}, of which {stats['labels_without_training_documents']:,} have no training document",
        ),
        ("files", ", ".join(f"{path} (sha256 {digest})" for path, digest in _provenance(result, "data").items())),
    ]


def _recipe(selection: Selection, result: Result) -> list[tuple[str, Any]]:
    run, about = result.run, result.provenance
    method, seconds = selection.methods[run.method], about.get("wall_seconds")
    machine = {name: value for name, value in _provenance(result, "hardware").items() if value}
    return [
        ("method", method.note),
        ("protocol", run.protocol),
        ("encoder", _described(_encoder(selection, run))),
        ("word vectors", _described(_vectors(selection, result))),
        ("code", about.get("git_commit")),
        ("training time", None if seconds is None else duration(float(seconds))),
        ("prediction", prediction_time(result)),
        ("machine", ", ".join(f"{name} {value}" for name, value in machine.items())),
        ("packages", ", ".join(f"{name} {version}" for name, version in _provenance(result, "packages").items())),
    ]


def _figures(result: Result) -> Table:
    known = validation_of(result) or {}
    held_out = {name: f"{known[name]:.2f}" if name in known else MISSING for name in _shown(result)}
    rows = [[name, f"{result.metrics[name]:.2f}", _interval(result, name), held_out[name]] for name in _shown(result)]
    notes = [
        "In percent, on the test documents. Interval: 95%, the mean plus and minus 1.96 standard errors over the test "
        "documents. It does not include the differences between seeds. Validation: the last score on validation "
        f"documents, {MISSING} if the training computed none."
    ]
    return Table("Figures", ["metric", "value", "interval", "validation"], rows, "lrrr", notes)


def _interval(result: Result, name: str) -> str:
    if name not in result.standard_errors:
        return MISSING
    half = _INTERVAL * result.standard_errors[name]
    return f"{max(0.0, result.metrics[name] - half):.2f} to {min(100.0, result.metrics[name] + half):.2f}"


def _shown(result: Result) -> Sequence[str]:
    return [name for name in HEADLINE if name in result.metrics]


def _limits(selection: Selection, result: Result) -> list[tuple[str, Any]]:
    run, encoder = result.run, _encoder(selection, result.run)
    method = selection.methods[run.method]
    official = (
        "may select the weights on the test documents, as the released code does: then the figures are optimistic"
    )
    differs = "; ".join(one.what for one in method.differs if one.concerns(run.dataset))
    return [
        ("scope", "trained and tested on one dataset; other texts and other labels were not tried"),
        ("labels", "a label without training documents cannot be learnt"),
        ("protocol", official if run.protocol == "official" else None),
        ("differs from the published method", differs),
        ("encoder", encoder.note if encoder else None),
    ]


def _licences(selection: Selection, result: Result) -> list[tuple[str, Any]]:
    encoder, vectors = _encoder(selection, result.run), _vectors(selection, result)
    return [
        ("code", "Apache-2.0"),
        ("encoder", (encoder.licence or _UNSTATED) if encoder and encoder.pretrained else None),
        ("word vectors", (vectors.licence or _UNSTATED) if vectors else None),
        ("data", selection.datasets[result.run.dataset].licence or _UNSTATED),
    ]


def _encoder(selection: Selection, run: Run) -> PartInfo | None:
    return selection.encoders.get(run.backbone) if run.backbone else None


def _vectors(selection: Selection, result: Result) -> PartInfo | None:
    """The pretrained word vectors that the training started from; a user's own file has its name alone."""
    name = (result.provenance.get("settings") or {}).get("vectors")
    if not isinstance(name, str) or name in _CORPUS_VECTORS:
        return None
    return selection.vectors.get(name) or PartInfo(f"the file {Path(name).name}", pretrained=True)


def _described(part: PartInfo | None) -> str | None:
    return None if part is None else part.title + ("" if part.pretrained else ", without pretrained weights")


def _provenance(result: Result, key: str) -> dict[str, Any]:
    value = result.provenance.get(key)
    return value if isinstance(value, dict) else {}
