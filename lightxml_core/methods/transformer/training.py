"""Training LightXML: model, optional warm start of the head, end-to-end fine-tuning, the finished folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.evaluation.metrics import evaluate
from lightxml_core.files import new_folder, save_array, save_csr, write_json
from lightxml_core.methods import TrainingData
from lightxml_core.methods.lightxml.sampling import fixed_negatives, sampling
from lightxml_core.methods.transformer.frozen import Frozen, frozen
from lightxml_core.methods.transformer.inputs import padded, positives
from lightxml_core.methods.transformer.model import LightXML, build_model
from lightxml_core.methods.transformer.prediction import SEEN, predict_rows
from lightxml_core.methods.transformer.settings import Settings
from lightxml_core.methods.transformer.warmstart import warm_start
from lightxml_core.training.batches import epoch_batches, step_groups
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.devices import autocast_dtype, pick_device
from lightxml_core.training.log import TrainingLog
from lightxml_core.training.loop import Plan, Task, last_step, train
from lightxml_core.training.optimisers import adamw
from lightxml_core.training.processes import team

log = logging.getLogger(__name__)
_ENCODER_FILES = ("config.json", "tokenizer.json", "encoder.json")


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train one member into `out`; the log and the checkpoint stay beside it, for a run that is killed right after."""
    assert data.tokens is not None and data.encoder is not None
    device = pick_device()
    rows = _training_rows(data, settings)
    checkpoint = Checkpoint(out.parent / "checkpoint", _identity(data, settings, rows), resume)
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", _steps_done(checkpoint))
    model = build_model(settings, data.encoder, data.Y.shape[1], data.clusters).to(device)
    model.head.seen.copy_(torch.from_numpy(label_frequencies(data.Y[rows]) > 0))
    if settings.prior_bias:
        model.head.start_at_prior(data.Y[rows])
    before = None
    if settings.reads_frozen:
        before = frozen(model, data, rows, settings, checkpoint)
        warm_start(model, before, data.Y[rows], settings, checkpoint, training_log)
    fixed = fixed_negatives(model, rows, data.Y.shape[0], settings, before)
    train(
        _task(model, data, rows, settings, fixed, before), _plan(settings, device, len(rows)), checkpoint, training_log
    )
    training_log.close()
    if team().first:
        _save(model, data, settings, out)


def _steps_done(checkpoint: Checkpoint) -> int | None:
    """Optimiser steps in the checkpoint, 0 after a warm start that nothing follows yet, None for a fresh start."""
    done = last_step(checkpoint)
    return 0 if done is None and checkpoint.state("warm") is not None else done


def _training_rows(data: TrainingData, settings: Settings) -> np.ndarray:
    """int64 rows to learn from: all, less the validation split where that selects the weights."""
    every = np.arange(data.Y.shape[0])
    return np.setdiff1d(every, data.validation) if settings.select == "validation" else every


def _identity(data: TrainingData, settings: Settings, rows: np.ndarray) -> str:
    assert data.tokens is not None and data.encoder is not None
    arrays = [data.Y.indptr, data.Y.indices, data.tokens.ids, data.tokens.offsets, rows]
    if data.clusters is not None:
        arrays.append(data.clusters.indices)
    package = Path(__file__).parents[2]
    code = [
        *Path(__file__).parent.glob("*.py"),
        *(package / "methods/lightxml").glob("*.py"),
        *(package / "training").glob("*.py"),
        *(package / "encoders").glob("*.py"),
    ]
    weights = [data.encoder / "config.json", *data.encoder.glob("model.safetensors")]
    return fingerprint(replace(settings, checkpoint_minutes=0.0), arrays, [*sorted(code), *weights])


def _plan(settings: Settings, device: torch.device, documents: int) -> Plan:
    return Plan(
        title=f"{settings.backbone} {settings.head}",
        seed=settings.seed,
        epochs=settings.epochs + settings.extra_epochs,
        schedule=settings.schedule,
        warmup_steps=settings.warmup_steps,
        clip=settings.clip,
        averaging_epoch=settings.swa_warmup,
        averaging_step=settings.swa_step,
        evaluate_steps=settings.evaluate_steps,
        select_mid_epoch=settings.select_mid_epoch,
        counted="micro-batches",
        dropout_off_after_evaluation=settings.dropout_off_after_evaluation,
        dtype=autocast_dtype(settings.precision, device),
        checkpoint_minutes=settings.checkpoint_minutes,
        encoded_before=documents if settings.reads_frozen else 0,
    )


def _task(
    model: LightXML,
    data: TrainingData,
    rows: np.ndarray,
    settings: Settings,
    fixed: np.ndarray | None,
    before: Frozen | None,
) -> Task:
    tokens = data.tokens
    assert tokens is not None
    lengths = tokens.lengths[rows]
    micro = settings.batch // settings.accumulate

    def steps(epoch: int) -> list[list[np.ndarray]]:
        batches = epoch_batches(lengths, micro, settings.seed, epoch, settings.bucket)
        groups = step_groups(len(batches), settings.accumulate, settings.accumulation_off_by_one)
        return [[rows[batches[i]] for i in group] for group in groups]

    def loss(batch: np.ndarray, epoch: int) -> Any:
        how = sampling(batch, epoch, settings, fixed, model.mean.device)
        limit = settings.short_tokens if epoch < settings.short_epochs else None
        ids, mask = padded(tokens, batch, model, limit)
        if settings.keep_frozen and before is not None:
            features = before.features_of(model, np.searchsorted(rows, batch), mask)
        else:
            features = model.backbone(ids, mask)
        return model.loss(features, *positives(data.Y, batch, model), **how)

    selection = _selection(data, settings)
    return Task(model, _optimizer(model, settings), steps, loss, selection)


def _optimizer(model: LightXML, settings: Settings) -> torch.optim.Optimizer:
    return adamw(_groups(model, settings), eps=settings.adam_eps, eps_corrected=settings.eps_corrected)


def _selection(data: TrainingData, settings: Settings) -> Any:
    """What the loop calls to score a model: on the validation split, on the test set, or not at all."""
    if settings.select == "last":
        return None
    if settings.select == "validation" and len(data.validation) == 0:
        log.info("%s: no document is held out to select by: the last weights are kept", settings.backbone)
        return None
    if settings.select == "test":
        assert data.test is not None and data.test.tokens is not None and data.test.Y is not None
        tokens, Y, rows = data.test.tokens, data.test.Y, np.arange(data.test.Y.shape[0])
    else:
        assert data.tokens is not None
        tokens, Y, rows = data.tokens, data.Y[data.validation], data.validation
    unweighted = np.ones(Y.shape[1])

    def score(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, LightXML)
        found = evaluate(predict_rows(model, tokens, rows, 5, settings), Y, unweighted)
        return {name: found[name] for name in ("P@1", "P@3", "P@5")}

    return score


def _groups(model: LightXML, settings: Settings) -> Iterator[dict[str, Any]]:
    """Encoder and head, each with its rate; what `decay_exempt` says takes no weight decay.

    Each block of the encoder has `layer_decay` times the rate of the one above it.
    """
    blocks = model.backbone.blocks()
    of_block = {id(p): i for i, block in enumerate(blocks, 1) for p in block.parameters()}
    chosen: dict[tuple[float, bool], list[Tensor]] = {}
    for name, p in model.named_parameters():
        depth = len(blocks) - of_block.get(id(p), len(blocks))
        lr = settings.head_lr if name.startswith("head.") else settings.lr * settings.layer_decay**depth
        if p.requires_grad:
            chosen.setdefault((lr, _exempt(name, p, settings)), []).append(p)
    chosen.setdefault((settings.head_lr, False), []).extend(model.head.blocks())
    for (lr, exempt), parameters in chosen.items():
        yield {"params": parameters, "lr": lr, "weight_decay": 0.0 if exempt else settings.weight_decay}


def _exempt(name: str, parameter: Tensor, settings: Settings) -> bool:
    if settings.decay_exempt == "names":
        return "bias" in name or "LayerNorm.weight" in name
    return parameter.ndim == 1 or "bias" in name.rsplit(".", 1)[-1]


def _save(model: LightXML, data: TrainingData, settings: Settings, out: Path) -> None:
    """Write the model folder, whole or not at all."""
    from safetensors.torch import save_file

    assert data.encoder is not None
    with new_folder(out) as building:
        for name in _ENCODER_FILES:
            shutil.copyfile(data.encoder / name, building / name)
        write_json(building / "settings.json", {**asdict(settings), "labels": data.Y.shape[1]})
        save_array(building / SEEN, model.head.seen.cpu().numpy())
        if data.clusters is not None:
            save_csr(building / "clusters.npz", data.clusters)
        save_file(
            {name: value.contiguous().cpu() for name, value in model.state_dict().items()},
            building / "model.safetensors",
        )
