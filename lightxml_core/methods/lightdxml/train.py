"""Train LightDXML: label embeddings, shortlist and classifiers, in cycles."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from lightxml_core.features.vectors import RANDOM, first_vectors
from lightxml_core.files import new_folder, read_json, unchanged, write_json
from lightxml_core.methods import TrainingData
from lightxml_core.methods.lightdxml.labels import LabelIndex, LabelNet
from lightxml_core.methods.lightdxml.model import LightDXML
from lightxml_core.methods.lightdxml.settings import Settings
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.devices import pick_device
from lightxml_core.training.log import TrainingLog
from lightxml_core.training.loop import Task, last_step, train
from lightxml_core.training.optimisers import adamw
from lightxml_core.training.schedule import Plan, StepDecay


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train on all documents into `out`. There is no model selection: the last weights are kept."""
    assert data.X is not None
    X, Y = sparse.csr_matrix(data.X), sparse.csr_matrix(data.Y)
    vectors = _first_vectors(data, X, settings)
    checkpoint = Checkpoint(out.parent / "checkpoint", _identity(X, Y, settings, vectors), resume)
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", last_step(checkpoint))
    model = _model(X, Y, settings, vectors)
    cycles = _Cycles(model, X, Y, settings, checkpoint)

    def steps(epoch: int) -> list[list[np.ndarray]]:
        return [[rows] for rows in epoch_batches(np.ones(X.shape[0]), settings.batch, settings.seed, epoch, bucket=1)]

    def loss(rows: np.ndarray, epoch: int) -> Any:
        return model.loss(X[rows], Y[rows], cycles.shortlist(epoch)[rows])

    rare = [model.tokens.weight, model.classifiers.weight]
    optimizer = adamw([{"params": list(model.parameters()), "lr": settings.lr, "weight_decay": 0.0}], rare)
    task = Task(model, optimizer, steps, loss)
    train(task, _plan(settings), checkpoint, training_log)
    training_log.close()
    model.label_embeddings.copy_(cycles.embeddings_at_end())
    _save(model, settings, out)


class _Cycles:
    """Label embeddings and shortlist per cycle, computed with the encoder at the cycle's start and saved to disk."""

    def __init__(
        self, model: LightDXML, X: sparse.csr_matrix, Y: sparse.csr_matrix, settings: Settings, checkpoint: Checkpoint
    ) -> None:
        self.model, self.X, self.Y, self.settings, self.checkpoint = model, X, Y, settings, checkpoint
        self.labels = LabelNet(settings, model.residual.weight.device)
        self.cycle, self.kept = -1, dict[str, Tensor]()

    def shortlist(self, epoch: int) -> np.ndarray:
        """int64[N, K] of the cycle that an epoch belongs to, -1 for none."""
        cycle = epoch // self.settings.refresh if self.settings.refresh else 0
        if cycle != self.cycle:
            self._begin(cycle)
        return np.asarray(self.kept["shortlist"].numpy())

    def embeddings_at_end(self) -> Tensor:
        """float32[L, width]: the embeddings to predict with."""
        if self.cycle < 0:
            self.shortlist(self.settings.epochs - 1)
        if not self.settings.refresh_at_end:
            return self.kept["embeddings"]
        return self.labels.embeddings(self.model.encode_all(self.X), self.Y, self.cycle + 1)

    def _begin(self, cycle: int) -> None:
        found = self.checkpoint.load("cycle")
        if found is not None and self.cycle < 0:
            self.cycle, self.kept = found[1]["cycle"], found[0]
            self.labels.net.load_state_dict({name[4:]: v for name, v in self.kept.items() if name.startswith("net.")})
        if self.cycle == cycle:
            return
        encoded = self.model.encode_all(self.X)
        embeddings = self.labels.embeddings(encoded, self.Y, cycle)
        shortlist, _ = LabelIndex(embeddings, self.settings).nearest(encoded)
        net = {f"net.{name}": value for name, value in self.labels.net.state_dict().items()}
        self.cycle, self.kept = cycle, {**net, "embeddings": embeddings, "shortlist": torch.from_numpy(shortlist)}
        self.checkpoint.save("cycle", self.kept, {"cycle": cycle})


def _first_vectors(data: TrainingData, X: sparse.csr_matrix, settings: Settings) -> np.ndarray:
    """float32[D, width] initial token vectors; D = 0 to keep the model's random ones."""
    if settings.vectors == RANDOM:
        return np.empty((0, settings.width), np.float32)
    column_of = read_json(unchanged(data.vocabulary)) if data.vocabulary is not None else {}
    return first_vectors(data.vectors, X, column_of, settings.width, settings.seed)


def _model(X: sparse.csr_matrix, Y: sparse.csr_matrix, settings: Settings, vectors: np.ndarray) -> LightDXML:
    torch.manual_seed(settings.seed)
    model = LightDXML(X.shape[1], Y.shape[1], settings.width, settings.dropout)
    if len(vectors):
        with torch.no_grad():
            model.tokens.weight.copy_(torch.from_numpy(vectors))
    return model.to(pick_device())


def _plan(settings: Settings) -> Plan:
    return Plan(
        title="LightDXML",
        seed=settings.seed,
        epochs=settings.epochs,
        rates=StepDecay(settings.decay, settings.decay_at),
        checkpoint_minutes=settings.checkpoint_minutes,
    )


def _identity(X: sparse.csr_matrix, Y: sparse.csr_matrix, settings: Settings, vectors: np.ndarray) -> str:
    arrays = [X.indptr, X.indices, X.data, Y.indptr, Y.indices, vectors]
    code = [*Path(__file__).parent.glob("*.py"), *(Path(__file__).parents[2] / "training").glob("*.py")]
    return fingerprint(replace(settings, checkpoint_minutes=0.0, beta=0.0), arrays, sorted(code))


def _save(model: LightDXML, settings: Settings, out: Path) -> None:
    """Write the model folder atomically."""
    from safetensors.torch import save_file

    with new_folder(out) as building:
        write_json(building / "settings.json", asdict(settings))
        save_file({name: value.cpu() for name, value in model.state_dict().items()}, building / "model.safetensors")
