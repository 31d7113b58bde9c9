"""Files appear complete or not at all; the readers of a stage's output check it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from lightxml_core.errors import InputError
from lightxml_core.files import (
    check_seal,
    load_array,
    load_csr,
    read_json,
    save_array,
    save_csr,
    seal,
    unchanged,
    write_json,
    write_text,
)


def folder_of(where: Path) -> Path:
    write_text(where / "made/a.txt", "one\n")
    write_json(where / "made/inner/b.json", {"two": 2})
    seal(where / "made")
    return where / "made"


def test_sha256sum_can_check_a_sealed_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    check_seal(folder)
    subprocess.run(["sha256sum", "--check", "--strict", ".sha256"], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("change", ["edit", "truncate", "remove"])
def test_a_change_in_a_sealed_folder_is_reported(tmp_path: Path, change: str) -> None:
    folder = folder_of(tmp_path)
    target = folder / "inner/b.json"
    if change == "remove":
        target.unlink()
    else:
        target.write_text(target.read_text().replace("2", "3") if change == "edit" else "")
    with pytest.raises(InputError, match=rf"inner/b\.json is not what was written there.*move {folder} away and run"):
        check_seal(folder)


@given(bit=st.integers(0, 8 * (128 + 24) - 1))
def test_any_changed_bit_of_a_sealed_file_is_reported(tmp_path_factory: pytest.TempPathFactory, bit: int) -> None:
    path = tmp_path_factory.mktemp("bits") / "array.npy"
    save_array(path, np.arange(3))
    seal(path)
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"move {path} away and run again"):
        load_array(unchanged(path))


def test_rewritten_and_never_sealed_files_pass(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, 1)
    assert read_json(path) == 1
    seal(path)
    write_json(path, 2)  # killed before it was sealed again
    assert read_json(path) == 2


def test_the_next_write_removes_files_of_a_killed_process(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f".value.{ended.pid}.tmp.json").write_text("half")
    others = [f".value.{os.getppid()}.tmp.json", f".value.x.{ended.pid}.tmp.json", ".value.tmp.json"]
    for name in others:  # of a running process, of another file, of no process
        (tmp_path / name).write_text("")
    write_json(tmp_path / "value.json", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "value.json"])


def test_a_matrix_that_would_fill_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = sparse.csr_matrix(np.ones((1, 2**18), np.float32))
    sparse.save_npz(tmp_path / "bomb.npz", matrix)  # it compresses well, because it is all ones
    assert load_csr(tmp_path / "bomb.npz").nnz == matrix.nnz == load_csr(tmp_path / "bomb.npz", tmp_path).nnz
    monkeypatch.setattr("lightxml_core.files._ALWAYS_UNPACKED", 2**20)
    monkeypatch.setattr("lightxml_core.files._MOST_PACKED", 2)
    with pytest.raises(InputError, match=r"bomb\.npz is not a readable CSR matrix \(it would unpack to 2\d{6} bytes\)"):
        load_csr(tmp_path / "bomb.npz")


@pytest.mark.parametrize("piece", [1, 7, 1 << 24])
def test_a_matrix_unpacked_onto_the_disk_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("lightxml_core.files._PIECE", piece)
    for number, density in enumerate((0.0, 0.2)):
        source = tmp_path / f"{number}.npz"
        save_csr(source, sparse.random(20, 9, density, "csr", np.float32, np.random.default_rng(0)))
        there, here = load_csr(source, tmp_path), load_csr(source)
        assert there.shape == here.shape and there.indices.dtype == here.indices.dtype and (there != here).nnz == 0
        there.data[:1] = 7.0  # changes only the array
        assert (load_csr(source) != here).nnz == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_matrix_is_refused_when_unpacked(tmp_path: Path) -> None:
    source = tmp_path / "X.npz"
    save_csr(source, sparse.random(50, 40, 0.3, "csr", np.float32, np.random.default_rng(0)))
    whole = source.read_bytes()
    for place in range(0, len(whole), 41):
        source.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = load_csr(source, tmp_path)
        except InputError as error:
            assert "X.npz is not a readable CSR matrix" in str(error)
        else:  # of a name or a date, which are not read
            source.write_bytes(whole)
            assert (found != load_csr(source)).nnz == 0
    np.savez(source, format=b"csc", shape=(1, 1), data=[1.0], indices=[0], indptr=[0, 1])
    with pytest.raises(InputError, match="its rows are not compressed"):
        load_csr(source, tmp_path)
