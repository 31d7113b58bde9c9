"""Every reader against damaged input: it is either read consistently or refused in one sentence."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.corpus import store
from lightxml_core.corpus.layouts import read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.corpus.types import PARTS
from lightxml_core.errors import InputError
from lightxml_core.files import load_array, load_csr, read_json, save_csr, write_json
from lightxml_core.registry import load_registry, read_config
from lightxml_core.reporting.published import load_published
from tests.corpus.test_layouts import WRITERS
from tests.helpers.project import ROOT

MORE = int(os.environ.get("FUZZ", "1"))  # FUZZ=20 tests 20 times as many inputs
LENIENT = Leniency(empty_texts=True, documents_without_labels=True)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """One to three changes: bytes inserted, removed or repeated, or everything after a position removed."""
    spans = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=3))
    put = draw(
        st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"\t", b",", b'"', b"\xff", b"0", b"\x00", b"-1"]))
    )

    def damage(content: bytes) -> bytes:
        for place, length, kind in spans:
            at = int(place * len(content))
            end = at + length
            middle = {0: put + content[at:end], 1: b"", 2: content[at:end] * 2, 3: b""}[kind]
            content = content[:at] + middle + (b"" if kind == 3 else content[end:])
        return content

    return damage


@pytest.mark.parametrize("layout", WRITERS)
@given(damage=damages(), which=st.integers(0, 20))
@settings(deadline=None, max_examples=150 * MORE)
def test_a_damaged_dataset_is_read_consistently_or_refused(
    layout: str, damage: Callable[[bytes], bytes], which: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        source.mkdir()
        WRITERS[layout](source)
        files = sorted(source.iterdir())
        path = files[which % len(files)]
        path.write_bytes(damage(path.read_bytes()))
        try:
            stats = store.write_corpus(read(layout, source, LENIENT), target)
        except InputError as error:
            assert str(error) and "Traceback" not in str(error)
            assert not (target / store.STATS).exists()
            return
        labels = store.load_labels(target)
        assert len(labels) == stats["labels"] and all(label == label.strip() and "\n" not in label for label in labels)
        for part in PARTS:
            Y = store.load_Y(target, part)
            assert Y.has_canonical_format and (Y.data == 1).all()
            if stats["texts"]:
                assert len(list(store.load_texts(target, part))) == Y.shape[0]
            else:
                assert store.load_X(target, part).shape[0] == Y.shape[0]


@given(damage=damages())
@settings(deadline=None, max_examples=300 * MORE)
def test_a_damaged_matrix_array_or_json_file_is_read_or_refused(damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_csr(folder / "m.npz", sparse.random(6, 9, 0.4, "csr", np.float32, np.random.default_rng(1)))
        np.save(folder / "a.npy", np.arange(12.0))
        write_json(folder / "j.json", {"a": [1, 2.5, None], "b": "text"})
        for path, load in (("m.npz", load_csr), ("a.npy", load_array), ("j.json", read_json)):
            (folder / path).write_bytes(damage((folder / path).read_bytes()))
            try:
                found = load(folder / path)
            except InputError as error:
                assert path in str(error)
                continue
            if path == "m.npz":
                assert len(found.indptr) == found.shape[0] + 1 and (np.diff(found.indptr) >= 0).all()
                assert found.nnz == 0 or 0 <= found.indices.min() <= found.indices.max() < found.shape[1]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("definitions")
    for name in ("datasets", "backbones", "vectors", "methods", "studies"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "config.yaml", folder)
    return folder


@given(damage=damages(), which=st.integers(0, 100))
@settings(deadline=None, max_examples=100 * MORE)
def test_a_damaged_definition_is_read_or_refused(
    definitions: Path, damage: Callable[[bytes], bytes], which: int
) -> None:
    files = [definitions / "config.yaml", *sorted(definitions.glob("*/*.yaml"))]
    path = files[which % len(files)]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    try:
        load_registry(definitions, read_config(definitions / "config.yaml"))
    except InputError as error:
        assert "\n\n" not in str(error)
    finally:
        path.write_bytes(whole)


@given(damage=damages())
@settings(deadline=None, max_examples=150 * MORE)
def test_damaged_published_figures_are_read_or_refused_with_their_line(damage: Callable[[bytes], bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "main.csv"
        path.write_bytes(damage((ROOT / "published/main.csv").read_bytes()[:2000].rpartition(b"\n")[0] + b"\n"))
        try:
            found = load_published(Path(name))
        except InputError as error:
            assert "main.csv" in str(error)
            return
        assert all(np.isfinite(figure.value) for figure in found)
