"""Training a transformer with a head: set up, warm start of the head, fine-tuning, the finished folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.encoders.attention import why_not_packed
from lightxml_core.encoders.backbone import Mask
from lightxml_core.encoders.packing import Packer, Packing
from lightxml_core.errors import InputError
from lightxml_core.evaluation.metrics import precision, rank
from lightxml_core.files import new_folder, save_array, save_csr, write_json
from lightxml_core.methods import TrainingData, changed, flatten
from lightxml_core.methods.transformer.frozen import Frozen, frozen
from lightxml_core.methods.transformer.inputs import (
    PREDICTION_BATCH,
    Batch,
    autocast,
    batch_of,
    by_length,
    in_memory,
    padded,
    widths_of,
)
from lightxml_core.methods.transformer.model import MakeHead, TextClassifier, build_classifier
from lightxml_core.methods.transformer.prediction import SEEN, WEIGHTS, Observe, predict_rows
from lightxml_core.methods.transformer.settings import TransformerSettings, reads_frozen
from lightxml_core.methods.transformer.warmstart import warm_start
from lightxml_core.training.batches import epoch_batches, step_groups
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.devices import autocast_dtype, pick_device
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.loop import Task, last_step, train
from lightxml_core.training.optimisers import adamw_and
from lightxml_core.training.processes import team
from lightxml_core.training.schedule import Plan

log = logging.getLogger(__name__)
_ENCODER_FILES = ("config.json", "tokenizer.json", "encoder.json")

Sampler = Callable[[np.ndarray, int], dict[str, Any]]
"""From the documents of a micro-batch, int64[B], and the epoch to further arguments of the head's loss."""


def unsampled(_model: TextClassifier, _rows: np.ndarray, _before: Frozen | None) -> Sampler:
    """The sampler of a head that scores every label: its loss takes no further arguments."""
    return lambda _batch, _epoch: {}


@dataclass(frozen=True)
class Parts:
    """What a method adds to the shared training."""

    head: str
    """Names the head in messages."""

    make_head: MakeHead

    make_sampler: Callable[[TextClassifier, np.ndarray, Frozen | None], Sampler] = unsampled
    """Gets the model after its warm start, the rows trained on and what the frozen encoder gave for them."""

    keep: Callable[[Path, Callable[[Observe], None], int, np.ndarray], None] | None = None
    """Writes what the method keeps beside the weights into the model's folder, which it gets.

    It also gets a function that calls an `Observe` with the features of the documents trained on, the width of these
    features, and which documents they are, int64[n].
    """

    code: Sequence[Path] = ()
    """The method's own files: a checkpoint made by other ones is not resumed."""


def fit(data: TrainingData, settings: TransformerSettings, parts: Parts, out: Path, resume: bool) -> None:
    """Train one model into the folder `out`. Log and checkpoint stay beside it, in case it is killed right after."""
    rows = _training_rows(data, settings)
    checkpoint = Checkpoint(out.parent / "checkpoint", _identity(data, settings, parts, rows), resume)
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", _steps_done(checkpoint))
    model = _set_up(data, settings, parts, rows)
    before = None
    if reads_frozen(settings):
        before = frozen(model, data, rows, settings, checkpoint)
        warm_start(model, before, data.Y[rows], settings, checkpoint, training_log)
    sampler = parts.make_sampler(model, rows, before)
    task = _task(model, data, rows, settings, sampler, before)
    train(task, _plan(model, settings, parts, len(rows)), checkpoint, training_log)
    training_log.close()
    if team().first:
        with new_folder(out) as building:
            _save(model, data, settings, building)
            if parts.keep is not None:
                read = partial(_observe_features, model, data, rows, settings, before)
                parts.keep(building, read, model.backbone.width, rows)


# Set up


def _training_rows(data: TrainingData, settings: TransformerSettings) -> np.ndarray:
    """int64 rows to train on: all, without the validation split if that selects the weights."""
    every = np.arange(data.Y.shape[0])
    return np.setdiff1d(every, data.validation) if settings.selection.select == "validation" else every


def _identity(data: TrainingData, settings: TransformerSettings, parts: Parts, rows: np.ndarray) -> str:
    """Digest of settings, data, encoder and code: a checkpoint is resumed only where it is the same."""
    assert data.tokens is not None and data.encoder is not None
    arrays = [data.Y.indptr, data.Y.indices, data.tokens.ids, data.tokens.offsets, rows]
    if data.clusters is not None:
        arrays.append(data.clusters.indices)
    package = Path(__file__).parents[2]
    shared = (Path(__file__).parent, package / "training", package / "encoders")
    code = sorted([*parts.code, *(file for folder in shared for file in folder.glob("*.py"))])
    weights = [data.encoder / "config.json", *data.encoder.glob("model.safetensors")]
    return fingerprint(changed(settings, checkpoint_minutes=0.0), arrays, [*code, *weights])


def _steps_done(checkpoint: Checkpoint) -> int | None:
    """Optimiser steps in the checkpoint; 0 after a warm start alone, None without a checkpoint."""
    done = last_step(checkpoint)
    return 0 if done is None and checkpoint.state("warm") is not None else done


def _set_up(data: TrainingData, settings: TransformerSettings, parts: Parts, rows: np.ndarray) -> TextClassifier:
    """The model on the device, before any training."""
    assert data.encoder is not None
    model = build_classifier(settings, data.encoder, parts.make_head).to(pick_device())
    if model.head.in_place is not None and _dtype(model, settings) == torch.float16:
        raise InputError("`table: in-place` cannot be trained in float16, as this GPU would: set `precision: fp32`")
    model.head.seen.copy_(torch.from_numpy(label_frequencies(data.Y[rows]) > 0))
    if settings.warm_start.prior_bias:
        model.head.start_at_prior(data.Y[rows])
    return model


def _dtype(model: TextClassifier, settings: TransformerSettings) -> torch.dtype | None:
    return autocast_dtype(settings.speed.precision, model.mean.device)


# Fine-tune


def _plan(model: TextClassifier, settings: TransformerSettings, parts: Parts, documents: int) -> Plan:
    return Plan(
        title=f"{settings.encoder.backbone} {parts.head}",
        seed=settings.seed,
        epochs=settings.training.epochs + settings.selection.extra_epochs,
        rates=settings.training.schedule,
        averaging=settings.averaging,
        evaluation=settings.selection.evaluation,
        counted="micro-batches",
        clip=settings.training.clip,
        dtype=_dtype(model, settings),
        step=settings.speed.step,
        checkpoint_minutes=settings.checkpoint_minutes,
        encoded_before=documents if reads_frozen(settings) else 0,
    )


def _task(
    model: TextClassifier,
    data: TrainingData,
    rows: np.ndarray,
    settings: TransformerSettings,
    sampler: Sampler,
    before: Frozen | None,
) -> Task:
    tokens, how = data.tokens, settings.training
    assert tokens is not None
    lengths = tokens.lengths[rows]
    micro = how.batch // how.accumulate
    share = len(team().share(np.arange(micro))[0])  # documents that this process computes at once
    layout = _layout(model, settings, lengths, share)
    if settings.speed.step == "compiled":
        model.backbone.compile_layers(share, graphs=how.accumulate == 1)

    def steps(epoch: int) -> list[list[np.ndarray]]:
        batches = epoch_batches(lengths, micro, settings.seed, epoch, settings.speed.bucket)
        groups = step_groups(len(batches), how.accumulate, settings.accumulation_off_by_one)
        return [[rows[batches[i]] for i in group] for group in groups]

    def prepare(chosen: np.ndarray) -> Batch:
        return batch_of(tokens, data.Y, chosen, model, layout)

    def loss(batch: Batch, epoch: int) -> Any:
        own = batch.moved(model.mean.device)
        features = _read(model, settings, before, own.ids, own.mask, np.searchsorted(rows, own.documents))
        return model.loss(features, own.rows, own.labels, **sampler(own.documents, epoch))

    return Task(model, _optimizer(model, settings), steps, loss, _selection(data, settings), prepare=prepare)


def _layout(
    model: TextClassifier, settings: TransformerSettings, lengths: np.ndarray, batch: int
) -> Packer | list[int]:
    """How a batch is laid out, as `batch_of` takes it. `info` in the log if documents cannot be packed.

    lengths: int64[n], of the documents trained on, in tokens. batch: the number of documents of a batch.
    """
    if settings.speed.packing:
        backbone = model.backbone
        why = why_not_packed(backbone.encoder, model.mean.device, _dtype(model, settings))
        if settings.encoder.keep_frozen:
            why = "`keep_frozen` keeps states of padded documents"
        if why is None:
            backbone.take_packed(int(lengths.max()))
            return Packer.of(lengths, batch)
        log.info("%s: documents are padded, not packed: %s", settings.encoder.backbone, why)
    return widths_of(lengths) if settings.speed.step == "compiled" else []


def _optimizer(model: TextClassifier, settings: TransformerSettings) -> torch.optim.Optimizer:
    how = settings.training.optimiser
    groups = _groups(model, settings)
    return adamw_and(model.head.in_place, groups, eps=how.adam_eps, eps_corrected=how.eps_corrected)


def _groups(model: TextClassifier, settings: TransformerSettings) -> Iterator[dict[str, Any]]:
    """Parameter groups: encoder and head with their rates, without weight decay for what `decay_exempt` says.

    Each block of the encoder has `layer_decay` times the rate of the one above it.
    """
    how, blocks = settings.training.optimiser, model.backbone.blocks()
    of_block = {id(p): i for i, block in enumerate(blocks, 1) for p in block.parameters()}
    chosen: dict[tuple[float, bool], list[Tensor]] = {}
    for name, p in model.named_parameters():
        depth = len(blocks) - of_block.get(id(p), len(blocks))
        lr = how.head_lr if name.startswith("head.") else how.lr * how.layer_decay**depth
        if p.requires_grad:
            chosen.setdefault((lr, _exempt(name, p, how.decay_exempt)), []).append(p)
    chosen.setdefault((how.head_lr, False), []).extend(model.head.blocks())
    for (lr, exempt), parameters in chosen.items():
        yield {"params": parameters, "lr": lr, "weight_decay": 0.0 if exempt else how.weight_decay}


def _exempt(name: str, parameter: Tensor, rule: str) -> bool:
    if rule == "names":
        return "bias" in name or "LayerNorm.weight" in name
    return parameter.ndim == 1 or "bias" in name.rsplit(".", 1)[-1]


def _selection(data: TrainingData, settings: TransformerSettings) -> Any:
    """What the loop calls to score a model: on the validation split, on the test set, or None for no selection."""
    select = settings.selection.select
    if select == "last":
        return None
    if select == "validation" and len(data.validation) == 0:
        log.info("%s: no document is held out to select by: the last weights are kept", settings.encoder.backbone)
        return None
    if select == "test":
        assert data.test is not None and data.test.tokens is not None and data.test.Y is not None
        tokens, Y, rows = data.test.tokens, data.test.Y, np.arange(data.test.Y.shape[0])
    else:
        assert data.tokens is not None
        tokens, Y, rows = data.tokens, data.Y[data.validation], data.validation

    def score(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, TextClassifier)
        ranking = rank(predict_rows(model, tokens, rows, 5, settings.speed.precision), Y, 5)
        return {f"P@{k}": 100.0 * precision(ranking, k) for k in (1, 3, 5)}

    return score


# Keep


def _save(model: TextClassifier, data: TrainingData, settings: TransformerSettings, building: Path) -> None:
    """Fill the model folder."""
    from safetensors.torch import save_file

    assert data.encoder is not None
    for name in _ENCODER_FILES:
        shutil.copyfile(data.encoder / name, building / name)
    write_json(building / "settings.json", {**flatten(settings), "labels": data.Y.shape[1]})
    save_array(building / SEEN, model.head.seen.cpu().numpy())
    if data.clusters is not None:
        save_csr(building / "clusters.npz", data.clusters)
    save_file({name: value.contiguous().cpu() for name, value in model.state_dict().items()}, building / WEIGHTS)


def _observe_features(
    model: TextClassifier,
    data: TrainingData,
    rows: np.ndarray,
    settings: TransformerSettings,
    before: Frozen | None,
    observe: Observe,
) -> None:
    """Call `observe` with the features of the documents trained on, in batches; places are indices of `rows`."""
    assert data.tokens is not None
    tokens = data.tokens
    progress = Progress(f"{settings.encoder.backbone} memory", len(rows))
    model.eval()

    def run(batch: np.ndarray) -> None:
        with torch.inference_mode(), autocast(model, settings.speed.precision):
            features = _read(model, settings, before, *padded(tokens, rows[batch], model), batch)
            observe(batch, model.prepare(features))
        progress.advance(len(batch), "")

    in_memory(by_length(tokens.lengths[rows], PREDICTION_BATCH), run)


def _read(
    model: TextClassifier,
    settings: TransformerSettings,
    before: Frozen | None,
    ids: Tensor,
    mask: Mask,
    places: np.ndarray,
) -> Tensor:
    """float[B, width]: the encoder's features of documents; what is below the trained layers is reused if it is kept.

    ids, mask: as in `Batch`; places: int64[B] among the documents trained on.
    """
    if settings.encoder.keep_frozen and before is not None:
        assert not isinstance(mask, Packing)
        return before.features_of(model, places, mask)
    features: Tensor = model.backbone(ids, mask)
    return features
