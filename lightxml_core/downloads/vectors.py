"""Download word vectors from an archive on the web, or from a package of an index."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lightxml_core.definitions.vectors import ArchiveSource, Columns, PackageSource, Source, Spacy
from lightxml_core.downloads.archives import read_member, unpack
from lightxml_core.downloads.fetch import fetch
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.mirrors import Mirror
from lightxml_core.downloads.packages import download_package, entry_of
from lightxml_core.downloads.parquet import read_strings
from lightxml_core.downloads.spacy_words import read_rows
from lightxml_core.errors import InputError
from lightxml_core.features.vector_files import convert_text, write_vectors
from lightxml_core.files import new_folder


def download_vectors(source: Source, archives: Path, target: Path, lock: Lock) -> None:
    """Write word vectors into the folder `target`, in the format that `features/vector_files.py` reads.

    InputError if the vectors are not where the definition says, or are damaged.
    """
    with new_folder(target) as folder:
        if isinstance(source, PackageSource):
            _from_package(source.packages, archives, folder)
        else:
            _from_archive(source, archives, folder, lock)


def _from_archive(source: ArchiveSource, archives: Path, folder: Path, lock: Lock) -> None:
    archive, unpacked = archives / source.archive, folder / "unpacked"
    fetch([Mirror(url, source.sha256, source.bytes) for url in source.urls], archive, lock)
    unpack(archive, unpacked)
    text = unpacked / source.file
    if not text.is_file():
        raise InputError(f"{archive} holds no {source.file}: correct `file` in its definition in vectors/")
    convert_text(text, folder, f"{source.file} in {archive}")
    shutil.rmtree(unpacked)


def _from_package(packages: Sequence[Columns | Spacy], archives: Path, folder: Path) -> None:
    package = download_package([(entry.requirement, entry.sha256) for entry in packages], archives)
    entry = entry_of(packages, package)
    try:
        write_vectors(folder, *(_of_spacy(package, entry) if isinstance(entry, Spacy) else _of_columns(package, entry)))
    except (ValueError, IndexError, KeyError, TypeError, EOFError, SyntaxError, RecursionError) as error:
        raise InputError(
            f"the word vectors in {package} are damaged or of an unknown format ({error}): choose another source"
        ) from None


def _of_spacy(package: Path, entry: Spacy) -> tuple[dict[str, int], np.ndarray]:
    key2row, strings, vectors = (
        read_member(package, f"{entry.vocab}/{name}") for name in ("key2row", "strings.json", "vectors")
    )
    return read_rows(key2row, strings), _array(vectors)


def _of_columns(package: Path, entry: Columns) -> tuple[dict[str, int], np.ndarray]:
    """Words in a Parquet file, in the order of the array's rows; of equal words the first counts."""
    words = read_strings(read_member(package, entry.words))
    vectors = _array(read_member(package, entry.vectors))
    if len(words) != len(vectors):
        raise ValueError(f"{len(words)} words for {len(vectors)} vectors")
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        rows.setdefault(word, row)
    return rows, vectors


def _array(content: bytes) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
