"""Train AttentionXML: one network per level, on the nodes that the level above proposes."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from torch import Tensor, nn

from lightxml_core.corpus.labels import label_frequencies
from lightxml_core.encoders.words import SEPARATOR
from lightxml_core.evaluation.metrics import ndcg, precision, rank
from lightxml_core.features.vectors import RANDOM, first_vectors, scaled_to
from lightxml_core.files import new_folder, read_json, save_csr, write_json
from lightxml_core.methods import TrainingData
from lightxml_core.methods.attentionxml.model import AttentionXML, Loss
from lightxml_core.methods.attentionxml.prediction import best_nodes
from lightxml_core.methods.attentionxml.settings import Settings
from lightxml_core.methods.attentionxml.tree import LabelTree, label_tree, padded, visited
from lightxml_core.training.batches import epoch_batches
from lightxml_core.training.checkpoint import Checkpoint, fingerprint
from lightxml_core.training.devices import pick_device
from lightxml_core.training.log import TrainingLog
from lightxml_core.training.loop import Task, last_step, train
from lightxml_core.training.optimisers import adamw
from lightxml_core.training.schedule import Evaluation, Plan, WeightAveraging

log = logging.getLogger(__name__)
_DONE = "done"


def fit(data: TrainingData, settings: Settings, out: Path, resume: bool) -> None:
    """Train every level in turn into `out`; a killed run resumes after the last finished level."""
    assert data.tokens is not None and data.encoder is not None
    settings = _usable_levels(settings, 0 if data.clusters is None else data.clusters.shape[1])
    if len(data.validation) == 0:
        log.info("AttentionXML: no document is held out to select by: the last weights are kept")
    tree = label_tree(data.clusters, data.Y.shape[1], settings.levels)
    vectors = scaled_to(settings.vector_length, _first_vectors(data, settings))
    run, folder = _identity(data, settings, vectors), out.parent / "checkpoint"
    levels = [_Level(data, settings, tree, t, Checkpoint(folder / f"level{t}", run, resume)) for t in range(len(tree))]
    training_log = TrainingLog(out.parent / "checkpoint" / "training.jsonl", _steps_done(levels))
    best, steps, networks = None, 0, list[AttentionXML]()
    for level in levels:
        networks.append(level.network(vectors, networks[-1] if networks else None))
        best = level.train(networks[-1], best, steps, training_log)
        steps += level.steps()
    training_log.close()
    _save(networks, data, settings, len(vectors), out)


def _usable_levels(settings: Settings, clusters: int) -> Settings:
    """The settings without levels that have more nodes than there are label clusters; these levels are logged."""
    fitting = settings.for_clusters(clusters)
    left_out = settings.levels[len(fitting.levels) :]
    if left_out:
        log.info(
            "AttentionXML: levels of more nodes than there are label clusters (%d) are left out: %s", clusters, left_out
        )
    return fitting


class _Level:
    """The training of one level. `Checkpoint` keeps its state and, when it is done, the best nodes of all documents."""

    def __init__(
        self, data: TrainingData, settings: Settings, tree: LabelTree, level: int, checkpoint: Checkpoint
    ) -> None:
        assert data.tokens is not None
        self.tokens, self.settings, self.tree, self.level = data.tokens, settings, tree, level
        self.last = level + 1 == len(tree)
        self.checkpoint, self.validation = checkpoint, data.validation
        self.Y = sparse.csr_matrix(data.Y)
        self.positives = tree.positives(self.Y, level)
        self.children = tree.children(level) if level else None
        self.rows = np.setdiff1d(np.arange(self.Y.shape[0]), data.validation)

    def steps(self) -> int:
        """Optimiser steps done so far."""
        return last_step(self.checkpoint) or 0

    def network(self, vectors: np.ndarray, above: AttentionXML | None) -> AttentionXML:
        torch.manual_seed(self.settings.own_seed * 1_000_003 + self.level)
        nodes = self.tree.sizes[self.level]
        network = AttentionXML(len(vectors), nodes, self.settings, sparse=self.level > 0)
        if above is None:
            with torch.no_grad():
                network.words.weight.copy_(torch.from_numpy(vectors))
        else:
            network.copy_shared(above)
        network.seen.copy_(torch.from_numpy(label_frequencies(self.positives[self.rows]) > 0))
        network.words.weight.requires_grad_(self.settings.learn_vectors)
        return network.to(pick_device())

    def train(
        self, network: AttentionXML, above: sparse.csr_matrix | None, steps_before: int, training_log: TrainingLog
    ) -> sparse.csr_matrix | None:
        """Train in place; returns float32 CSR N × nodes of every document's best nodes, None at the last level."""
        done = self.checkpoint.load(_DONE)
        if done is not None:
            network.load_state_dict({name[8:]: value for name, value in done[0].items() if name.startswith("network.")})
            return None if self.last else _csr(done[0], (len(self.tokens), network.nodes))
        train(self._task(network, above), self._plan(steps_before), self.checkpoint, training_log)
        best = None if self.last else self._best(network, np.arange(len(self.tokens)), above, self.settings.kept)
        tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
        self.checkpoint.save(_DONE, tensors | ({} if best is None else _tensors(best)), {})
        return best

    def _best(
        self, network: AttentionXML, rows: np.ndarray, above: sparse.csr_matrix | None, kept: int
    ) -> sparse.csr_matrix:
        chosen = None if above is None else above[rows]
        return best_nodes(network, self.tokens, rows, self.tree, self.level, chosen, kept)

    def _plan(self, steps_before: int) -> Plan:
        settings = self.settings
        return Plan(
            title=f"AttentionXML, level {self.level + 1} of {len(self.tree)}",
            seed=settings.own_seed,
            epochs=settings.epochs,
            clip_relative=settings.clip_relative,
            averaging=WeightAveraging(settings.averaging_epoch(self.level), settings.evaluate_steps),
            evaluation=Evaluation(settings.evaluate_steps),
            evaluate_epochs=settings.evaluate_epochs,
            patience=settings.patience,
            checkpoint_minutes=settings.checkpoint_minutes,
            steps_before=steps_before,
            encoded_before=steps_before * settings.batch,
        )

    def _task(self, network: AttentionXML, above: sparse.csr_matrix | None) -> Task:
        settings, lengths = self.settings, self.tokens.lengths[self.rows]
        bucket = settings.bucket
        entered = None if above is None else self._visited_nodes(above)

        def steps(epoch: int) -> list[list[np.ndarray]]:
            return [[self.rows[b]] for b in epoch_batches(lengths, settings.batch, settings.own_seed, epoch, bucket)]

        def loss(rows: np.ndarray, epoch: int) -> Loss:
            device = network.output.weight.device
            ids, mask = (torch.from_numpy(array).to(device) for array in self.tokens.pad(rows, 0))
            nodes, target, scored = self._targets(rows, entered, device)
            return network.loss(ids, mask, nodes, target, scored)

        name = "nDCG@5" if self.last else f"level {self.level + 1} nDCG@5"
        return Task(network, _optimizer(network, settings.lr), steps, loss, self._selection(name, above), name)

    def _visited_nodes(self, above: sparse.csr_matrix) -> sparse.csr_matrix:
        """float32 CSR N × nodes above: those whose children are scored."""
        return visited(above, self.tree.positives(self.Y, self.level - 1), self.settings.kept)

    def _targets(
        self, rows: np.ndarray, entered: sparse.csr_matrix | None, device: torch.device
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """Nodes int64[B, K] to score, None for all; 1 for positive ones, else 0; and which entries are nodes."""
        if entered is None:
            target = torch.from_numpy(self.positives[rows].toarray()).to(device)
            return None, target, torch.ones_like(target, dtype=torch.bool)
        candidates = entered[rows] @ self.children
        marked = sparse.csr_matrix(candidates + self.positives[rows])  # a positive node is always a candidate
        marked.sort_indices()
        nodes, values, scored = padded(marked)
        return tuple(torch.from_numpy(array).to(device) for array in (nodes, np.float32(values > 1), scored))  # type: ignore[return-value]

    def _selection(self, name: str, above: sparse.csr_matrix | None) -> Any:
        if len(self.validation) == 0:
            return None
        Y = self.positives[self.validation]

        def score(network: nn.Module) -> dict[str, float]:
            assert isinstance(network, AttentionXML)
            ranking = rank(self._best(network, self.validation, above, 5), Y, 5)
            shown = {f"P@{k}": 100.0 * precision(ranking, k) for k in (1, 3, 5)} if self.last else {}
            return {name: 100.0 * ndcg(ranking, 5), **shown}

        return score


def _first_vectors(data: TrainingData, settings: Settings) -> np.ndarray:
    """float32[words, width]: a vector for each word of the vocabulary; that of padding is never used."""
    assert data.tokens is not None and data.encoder is not None
    tokens, id_of = data.tokens, read_json(data.encoder / "tokenizer.json")["model"]["vocab"]
    if settings.vectors == RANDOM:
        random = np.random.default_rng(settings.seed)
        return random.standard_normal((len(id_of), settings.width), np.float32) / np.sqrt(
            settings.width, dtype=np.float32
        )
    ones = np.ones(len(tokens.ids), np.float32)
    counts = sparse.csr_matrix((ones, np.array(tokens.ids), tokens.offsets), shape=(len(tokens), len(id_of)))
    counts.sum_duplicates()
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    spelt = {SEPARATOR: "."}
    return first_vectors(data.vectors, weighted, id_of, settings.width, settings.seed, settings.missing_vectors, spelt)


def _optimizer(network: AttentionXML, lr: float) -> torch.optim.Optimizer:
    rare = [table.weight for table in (network.words, network.queries) if table.sparse and table.weight.requires_grad]
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [{"params": learnt, "lr": lr, "weight_decay": 0.0}]
    return adamw(groups, rare, eps_corrected=False)  # like the released code's DenseSparseAdam


def _steps_done(levels: list[_Level]) -> int | None:
    """Optimiser steps of all levels so far, None for a fresh start."""
    done = [last_step(level.checkpoint) for level in levels]
    return None if done[0] is None else sum(filter(None, done))


def _tensors(best: sparse.csr_matrix) -> dict[str, Tensor]:
    return {name: torch.from_numpy(getattr(best, name)) for name in ("data", "indices", "indptr")}


def _csr(tensors: dict[str, Tensor], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix(tuple(tensors[name].numpy() for name in ("data", "indices", "indptr")), shape=shape)


def _identity(data: TrainingData, settings: Settings, vectors: np.ndarray) -> str:
    assert data.tokens is not None
    arrays = [data.Y.indptr, data.Y.indices, data.tokens.ids, data.tokens.offsets, data.validation, vectors]
    if data.clusters is not None:
        arrays.append(data.clusters.indices)
    code = [*Path(__file__).parent.glob("*.py"), *(Path(__file__).parents[2] / "training").glob("*.py")]
    return fingerprint(replace(settings, checkpoint_minutes=0.0), arrays, sorted(code))


def _save(networks: list[AttentionXML], data: TrainingData, settings: Settings, words: int, out: Path) -> None:
    """Write the model folder atomically."""
    from safetensors.torch import save_file

    assert data.encoder is not None
    with new_folder(out) as building:
        for name in ("tokenizer.json", "encoder.json"):
            shutil.copyfile(data.encoder / name, building / name)
        write_json(building / "settings.json", {**asdict(settings), "labels": data.Y.shape[1], "words": words})
        if data.clusters is not None and settings.levels:
            save_csr(building / "clusters.npz", data.clusters)
        for level, network in enumerate(networks):
            state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
            save_file(state, building / f"level{level}.safetensors")
