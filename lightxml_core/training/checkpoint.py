"""Checkpoints: written atomically, and used only by the run that they belong to."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightxml_core.files import atomic_path
from lightxml_core.training.processes import team

log = logging.getLogger(__name__)


def fingerprint(settings: Any, arrays: Iterable[np.ndarray], files: Iterable[Path]) -> str:
    """Hex digest of everything that determines a training run: settings, data and code."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Checkpoint:
    """A folder of named states, each a safetensors file with the fingerprint of the run.

    The folder is not a declared output of a rule, because Snakemake deletes those when a job is killed.
    """

    def __init__(self, folder: Path, run: str, resume: bool = True) -> None:
        self.folder, self.run = folder, run
        if not resume and team().first:
            shutil.rmtree(folder, ignore_errors=True)
        team().wait()

    def save(self, name: str, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Write tensors and a JSON state atomically as one file; of several processes only the first writes."""
        from safetensors.torch import save_file

        if not team().first:
            return
        unique = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        about = json.dumps(dict(state))
        digest = _digest(about, unique)
        with atomic_path(self._path(name)) as target:
            save_file(unique, target, {"run": self.run, "state": about, "digest": digest})

    def load(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The named tensors and state; None, with a warning, if the file is damaged or of another run."""
        from safetensors import SafetensorError, safe_open

        path = self._path(name)
        if not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as opened:  # also compares the size of the file with its header
                about = opened.metadata() or {}
                if about.get("run") != self.run:
                    log.warning("%s was saved with other settings, data or code: training starts from scratch", path)
                    return None
                tensors = {key: opened.get_tensor(key) for key in opened.offset_keys()}
            if _digest(about["state"], tensors) != about["digest"]:
                raise ValueError("its contents do not match the digest saved with them")
            return tensors, json.loads(about["state"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            log.warning("%s is damaged (%s): training starts from scratch", path, error)
        return None

    def state(self, name: str) -> dict[str, Any] | None:
        """The named state alone, under the same conditions."""
        found = self.load(name)
        return None if found is None else found[1]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


def _digest(state: str, tensors: Mapping[str, Tensor]) -> str:
    """Hex digest of a JSON state and of the tensors' names, types and bytes, independent of their order."""
    digest = hashlib.sha256(state.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key}{value.dtype}{tuple(value.shape)}".encode())
        if value.numel():  # torch cannot view an empty tensor as bytes
            digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
