"""Warm start: the head is trained alone, on features of the frozen encoder, before both are trained."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.methods.transformer.frozen import Frozen
from lightxml_core.methods.transformer.inputs import positives
from lightxml_core.methods.transformer.model import TextClassifier
from lightxml_core.methods.transformer.settings import TransformerSettings
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.checkpoint import Checkpoint
from lightxml_core.training.log import Progress, TrainingLog
from lightxml_core.training.optimisers import adamw_and, set_rates


def warm_start(
    model: TextClassifier,
    frozen: Frozen,
    Y: sparse.csr_matrix,
    settings: TransformerSettings,
    checkpoint: Checkpoint,
    training_log: TrainingLog,
) -> None:
    """Scale the features of the frozen encoder if asked for, and train the head alone on them.

    Y: CSR, the labels of the documents trained on. The result is kept in the checkpoint, so that a resumed run
    does not repeat it.
    """
    done = checkpoint.load("warm")
    if done is None:
        if settings.warm_start.standardise:
            model.standardise(frozen.features)
        _train_head(model, frozen.features, Y, settings, training_log)
        checkpoint.save("warm", model.state_dict(), {})
    else:
        model.load_state_dict(done[0])


def _train_head(
    model: TextClassifier,
    features: Tensor,
    Y: sparse.csr_matrix,
    settings: TransformerSettings,
    training_log: TrainingLog,
) -> None:
    how, device = settings.warm_start, model.mean.device
    learnt = [*(p for p in model.head.parameters() if p.requires_grad), *model.head.blocks()]
    optimizer = adamw_and(model.head.in_place, [{"params": learnt, "lr": how.warm_lr}])
    step, steps = 0, -(-len(features) // how.warm_batch) * how.warm_epochs
    model.train()
    progress = Progress(f"{settings.encoder.backbone} head warm-up", len(features) * how.warm_epochs)
    for epoch in range(how.warm_epochs):
        torch.manual_seed(settings.seed * 1_000_003 + epoch)
        for batch in epoch_batches(np.zeros(len(features)), how.warm_batch, settings.seed, epoch, 1):
            set_rates(optimizer, 1.0 - step / steps if how.warm_schedule == "linear" else 1.0)
            loss = model.head.loss(model.prepare(features[batch].to(device)), *positives(Y, batch, model))
            loss.total.backward()
            optimizer.step()
            step += 1
            optimizer.zero_grad(set_to_none=True)  # afterwards, so that none is left for the training that follows
            progress.advance(len(batch), f"epoch {epoch + 1}/{how.warm_epochs}  loss {loss.total.item():.4g}")
        training_log.write("phase", 0, phase="warm start", epoch=epoch, loss=loss.total.item())
