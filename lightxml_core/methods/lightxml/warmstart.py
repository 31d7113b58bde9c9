"""Warm start: the head learns alone on frozen features before anything moves the encoder."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.methods import TrainingData
from lightxml_core.methods.lightxml.inputs import PREDICTION_BATCH, autocast, by_length, padded, positives
from lightxml_core.methods.lightxml.model import LightXML
from lightxml_core.methods.lightxml.settings import Settings
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.loop import adamw


def warm_start(
    model: LightXML,
    data: TrainingData,
    rows: np.ndarray,
    settings: Settings,
    checkpoint: Checkpoint,
    training_log: TrainingLog,
) -> None:
    """Start from the frozen encoder: take the scale of its features, train the head alone on them.

    Every document passes through the encoder once; the features (float32[N, width]) are cached beside the
    checkpoint. The result is kept there too, so that a resumed run repeats nothing.
    """
    done = checkpoint.load("warm")
    if done is None:
        features = _frozen_features(model, data, rows, settings, checkpoint)
        if settings.standardise:
            model.standardise(features)
        _train_head(model, features, data.Y[rows], settings, training_log)
        checkpoint.save("warm", model.state_dict(), {})
    else:
        model.load_state_dict(done[0])


def _frozen_features(
    model: LightXML, data: TrainingData, rows: np.ndarray, settings: Settings, checkpoint: Checkpoint
) -> Tensor:
    cached = checkpoint.load("features")
    if cached is not None:
        return cached[0]["features"]
    tokens = data.tokens
    assert tokens is not None
    model.eval()
    progress = Progress(f"{settings.backbone} frozen features", len(rows))
    features = torch.empty(len(rows), model.backbone.width)
    for batch in by_length(tokens.lengths[rows], PREDICTION_BATCH):
        with torch.inference_mode(), autocast(model, settings):
            features[batch] = model.backbone(*padded(tokens, rows[batch], model)).float().cpu()
        progress.advance(len(batch), "")
    checkpoint.save("features", {"features": features}, {})
    return features


def _train_head(
    model: LightXML, features: Tensor, Y: sparse.csr_matrix, settings: Settings, training_log: TrainingLog
) -> None:
    optimizer = adamw([{"params": [p for p in model.head.parameters() if p.requires_grad], "lr": settings.warm_lr}])
    device = model.mean.device
    model.train()
    progress = Progress(f"{settings.backbone} head warm-up", len(features) * settings.warm_epochs)
    for epoch in range(settings.warm_epochs):
        torch.manual_seed(settings.seed * 1_000_003 + epoch)
        for batch in epoch_batches(np.zeros(len(features)), settings.warm_batch, settings.seed, epoch, 1):
            loss = model.head.loss(model.prepare(features[batch].to(device)), *positives(Y, batch, model))
            loss.total.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)  # afterwards, so that none is left for the training that follows
            progress.advance(len(batch), f"epoch {epoch + 1}/{settings.warm_epochs}  loss {loss.total.item():.4g}")
        training_log.write("phase", 0, phase="warm start", epoch=epoch, loss=loss.total.item())
