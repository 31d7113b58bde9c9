"""Small stand-ins of every copy that the definitions in datasets/ name.

Names, nesting, compression, encodings and formats are those known of the real files (docs/mirrors.md); the contents are
planted. A copy is looked up by the address in its definition, so that one without a stand-in fails.
"""

from __future__ import annotations

import bz2
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any, Literal

import numpy as np
import yaml
from scipy import sparse

from tests.helpers.project import ROOT

Part = Literal["trn", "tst"]
PARTS: tuple[Part, Part] = ("trn", "tst")
LONG = {"trn": "train", "tst": "test"}
LABELS, UNUSED = 24, 3  # UNUSED: columns of Wiki-500K's matrices that no document has
LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multilabel/"
HUB = "https://huggingface.co/datasets/thekop79/EURLex-4K/resolve/main/"
ARCHIVE = "https://archive.org/download/pecos-dataset/xmc-base/"
S3 = "https://xcubebucket.s3.us-east-2.amazonaws.com/"
XMC = "https://drive.google.com/uc?export=download&id=0B3lPMIHmG6vGU0VTR1pCejFpWjg&resourcekey=0-SurjZ4z_5Tr38jENzf2Iwg"


@dataclass(frozen=True)
class Planted:
    """The documents of one dataset.

    texts: by part, one line each. Y: by part, N x L ones. X: by part, N x D TF-IDF. titles: of the L labels, in the
    order of their columns, which is not sorted.
    """

    texts: Mapping[Part, list[str]]
    Y: Mapping[Part, sparse.csr_matrix]
    X: Mapping[Part, sparse.csr_matrix]
    titles: list[str]

    def keys(self) -> list[str]:
        """The labels as written in files whose labels are separated by blanks."""
        return [title.replace(" ", "_") for title in self.titles]

    def widened(self) -> Planted:
        """The same with additional labels that no document has."""
        sizes = {part: (y.shape[0], y.shape[1] + UNUSED) for part, y in self.Y.items()}
        Y = {part: sparse.csr_matrix((y.data, y.indices, y.indptr), sizes[part]) for part, y in self.Y.items()}
        return replace(self, Y=Y, titles=[*self.titles, *(f"unused {number}" for number in range(UNUSED))])

    def statistics(self) -> dict[str, Any]:
        """The statistics of the corpus that a definition may expect."""
        documents = {f"documents_{part}": self.Y[part].shape[0] for part in PARTS}
        mean = self.Y["trn"].nnz / documents["documents_trn"]
        return {**documents, "labels": self.Y["trn"].shape[1], "labels_per_document": mean}


def planted(titles: list[str], seed: int, separator: str = "", sizes: tuple[int, int] = (60, 20)) -> Planted:
    """Documents with one to three labels each, which their texts determine.

    The last label is one of test documents alone, the last feature one of training documents alone. One training
    document has no label and one no text, which the definitions allow. separator: a token of all texts, as `/SEP/`
    between the title and the description of a product.
    """
    chance = np.random.default_rng(seed)
    texts, Y = {}, {}
    for part, size in zip(PARTS, sizes, strict=True):
        lists = [sorted(set(chance.integers(0, LABELS - 1, chance.integers(1, 4)).tolist())) for _ in range(size)]
        lists[0] = [LABELS - 1] if part == "tst" else []
        texts[part] = [_text(own, separator, chance) for own in lists]
        Y[part] = _ones(lists, LABELS)
    texts["trn"][1:3] = ["", f"{texts['trn'][2]} zyzzyva"]
    X_trn, X_tst = _tfidf(texts["trn"], texts["tst"])
    return Planted(texts, Y, {"trn": X_trn, "tst": X_tst}, titles)


def _text(labels: list[int], separator: str, chance: np.random.Generator) -> str:
    """Words of the labels among others, with characters that only Python treats as line ends."""
    words = [f"topic{label}{ending}" for label in labels for ending in ("", "s", "ed")]
    words += [f"word{number}" for number in chance.integers(0, 40, 12)] + ["naïve", "a\u2028b", "c\x0cd"]
    words = chance.permutation(words).tolist()
    return " ".join([*words[:3], separator, *words[3:]] if separator else words)


def _ones(lists: list[list[int]], columns: int) -> sparse.csr_matrix:
    rows = [row for row, own in enumerate(lists) for _ in own]
    flat = [label for own in lists for label in own]
    return sparse.csr_matrix((np.ones(len(flat), np.float32), (rows, flat)), shape=(len(lists), columns))


def _tfidf(trn: list[str], tst: list[str]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Rows of length 1 (or 0, of an empty text) over the sorted words of the training texts."""
    column = {word: number for number, word in enumerate(sorted({word for text in trn for word in text.split()}))}
    counts = [np.zeros((len(texts), len(column)), np.float32) for texts in (trn, tst)]
    for texts, matrix in zip((trn, tst), counts, strict=True):
        for row, text in enumerate(texts):
            known = [column[word] for word in text.split() if word in column]
            np.add.at(matrix[row], known, 1)
    weights = 1 + np.log(len(trn) / (counts[0] > 0).sum(axis=0))
    weighted = [matrix * weights for matrix in counts]
    lengths = [np.linalg.norm(matrix, axis=1, keepdims=True) for matrix in weighted]
    X_trn, X_tst = (
        sparse.csr_matrix(np.divide(matrix, length, out=matrix, where=length > 0), dtype=np.float32)
        for matrix, length in zip(weighted, lengths, strict=True)
    )
    return X_trn, X_tst


# The files of a copy, by name


Files = dict[str, bytes]


def _lines(lines: list[str], encoding: str = "utf-8", last: bool = True) -> bytes:
    """last: whether the last line has a line end."""
    return ("\n".join(lines) + ("\n" if last else "")).encode(encoding)


def _label_lines(corpus: Planted, part: Part) -> list[str]:
    """The labels of each document, unsorted."""
    keys = corpus.keys()
    return [" ".join(keys[column] for column in row.indices[::-1]) for row in corpus.Y[part]]


def _svmlight(corpus: Planted, part: Part, first: int = 0) -> list[str]:
    """`label,label feature:value …`, features counted from `first`; a document without labels begins with a blank."""
    lines = []
    for y, x in zip(corpus.Y[part], corpus.X[part], strict=True):
        pairs = [f"{column + first}:{value:.6f}" for column, value in zip(x.indices, x.data, strict=True)]
        lines.append(" ".join([",".join(map(str, y.indices)), *pairs]))
    return lines


def _npz(matrix: sparse.csr_matrix, compressed: bool = True) -> bytes:
    target = io.BytesIO()
    sparse.save_npz(target, matrix, compressed=compressed)
    return target.getvalue()


def attentionxml(corpus: Planted, texts: str = "_raw_texts.txt", features: Mapping[Part, str] | None = None) -> Files:
    """texts: the end of their names. features: names of svmlight files, which have no header."""
    files: Files = {}
    for part in PARTS:
        files[LONG[part] + texts] = _lines(corpus.texts[part])
        files[LONG[part] + "_labels.txt"] = _lines(_label_lines(corpus, part))
    return files | {name: _lines(_svmlight(corpus, part)) for part, name in (features or {}).items()}


def xtransformer(corpus: Planted) -> Files:
    """The label list is ISO-8859-1, and its last line has no end."""
    files = {"label_map.txt": _lines(corpus.titles, "latin-1", last=False)}
    for part in PARTS:
        files[f"{LONG[part]}_raw_texts.txt"] = _lines(corpus.texts[part])
        files |= {f"Y.{part}.npz": _npz(corpus.Y[part]), f"X.{part}.npz": _npz(corpus.X[part])}
    return files


def pecos(corpus: Planted) -> Files:
    files = {"output-items.txt": _lines(corpus.titles)}
    for part in PARTS:
        files[f"X.{part}.txt"] = _lines(corpus.texts[part])
        files[f"Y.{part}.npz"] = _npz(corpus.Y[part], compressed=False)
        files[f"tfidf-attnxml/X.{part}.npz"] = _npz(corpus.X[part], compressed=False)
    return files


def pecos_products(corpus: Planted) -> Files:
    """Titles of products: two are Latin-1 among others in UTF-8, one is missing, two are equal."""
    items = [title.encode("utf-8") for title in corpus.titles]
    items[3], items[5], items[7], items[9] = b"Caf\xe9 Noir", b"\x93Best\x94 of", b"", items[8]
    return pecos(corpus) | {"output-items.txt": b"\n".join(items) + b"\n"}


def with_table(corpus: Planted, name: str, files: Files) -> Files:
    """The files together with the table that the copy's owners made of them."""
    rows = ["text,labels,is_valid"]
    for part in PARTS:
        for text, labels in zip(corpus.texts[part], _label_lines(corpus, part), strict=True):
            rows.append(f'"{text}",{labels.replace(" ", ";")},{part == "tst"}')
    return {**files, name: _lines(rows)}


def bag_of_words(corpus: Planted) -> Files:
    files: Files = {}
    for part in PARTS:
        sizes = f"{corpus.X[part].shape[0]} {corpus.X[part].shape[1]} {corpus.Y[part].shape[1]}"
        files[f"eurlex_{LONG[part]}.txt"] = _lines([sizes, *_svmlight(corpus, part)])
    return files


def libsvm(corpus: Planted, name: str, version: str = "") -> Files:
    """Single files compressed by bzip2: labels, a tab and the text, and features numbered from 1."""
    files: Files = {}
    for part in PARTS:
        pairs = zip(_label_lines(corpus, part), corpus.texts[part], strict=True)
        texts, features = _lines([f"{own}\t{text}" for own, text in pairs]), _lines(_svmlight(corpus, part, first=1))
        files[f"{name}_raw_texts_{LONG[part]}.txt.bz2"] = bz2.compress(texts)
        files[f"{name}_tfidf_{LONG[part]}{version}.svm.bz2"] = bz2.compress(features)
    return files


def loose(corpus: Planted) -> Files:
    """X-Transformer's files, without features, under other names."""
    files = xtransformer(corpus)
    names = {
        "raw/trn_X.txt": "train_raw_texts.txt",
        "raw/tst_X.txt": "test_raw_texts.txt",
        "raw/Y.txt": "label_map.txt",
    }
    names |= {name: name for name in ("Y.trn.npz", "Y.tst.npz")}
    return {name: files[own] for name, own in names.items()}


def tar(folder: str, files: Files) -> bytes:
    """A tar.gz in which each folder is a member before its files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", format=tarfile.GNU_FORMAT) as opened:
        paths = [PurePosixPath(folder, name) for name in files]
        for place in sorted({parent for path in paths for parent in path.parents} - {PurePosixPath(".")}):
            entry = tarfile.TarInfo(f"{place}/")
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            opened.addfile(entry)
        for path, content in zip(paths, files.values(), strict=True):
            entry = tarfile.TarInfo(str(path))
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def zipped(folder: str, files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(f"{folder}/{name}", content)
    return target.getvalue()


# The datasets and their copies


def _titles(*names: str) -> list[str]:
    """LABELS unsorted titles: the given ones, then repetitions with a number appended."""
    return [f"{names[n % len(names)]} {n // len(names)}".removesuffix(" 0") for n in range(LABELS)]


_SUBJECTS = _titles("quality label", "abolition of customs duties", "fishing", "zinc")
_TAGS = _titles("wikipedia", "café", "art", "Ölmalerei", "web2.0")
_PRODUCTS = _titles("Books & Media", "café", "toys, games", "Art")
DATASETS = {
    "eurlex-4k": planted(_SUBJECTS, 1),
    "wiki10-31k": planted(_TAGS, 2),
    "amazoncat-13k": planted(_PRODUCTS, 3, separator="/SEP/"),
    "amazon-670k": planted(_PRODUCTS, 4, separator="/SEP/"),
    "wiki-500k": planted(_TAGS, 5),
    "eurlex-4k-bow": planted([str(number) for number in range(LABELS)], 6),
}


@dataclass(frozen=True)
class StandIn:
    """The files that a copy serves by address, and the expected result.

    labels: the expected label of each column of `corpus`; None for any.
    features: the parts whose TF-IDF it ships beside texts.
    """

    served: Files
    corpus: Planted
    labels: list[str | None]
    features: tuple[Part, ...] = PARTS


def _of_drive(address: str, folder: str, corpus: Planted, features: Mapping[Part, str], **names: str) -> StandIn:
    """A copy of AttentionXML and LightXML."""
    files = attentionxml(corpus, features=features, **names)
    return StandIn({address: tar(folder, files)}, corpus, [*corpus.keys()], tuple(features))


def _of_xtransformer(address: str, folder: str, corpus: Planted) -> StandIn:
    return StandIn({address: tar(folder, xtransformer(corpus))}, corpus, [*corpus.titles])


def _of_pecos(name: str, corpus: Planted) -> StandIn:
    served = {f"{ARCHIVE}{name}.tar.gz": tar(f"xmc-base/{name}", pecos(corpus))}
    return StandIn(served, corpus, [*corpus.titles])


def _of_pecos_with_products(name: str, corpus: Planted) -> StandIn:
    served = {f"{ARCHIVE}{name}.tar.gz": tar(f"xmc-base/{name}", pecos_products(corpus))}
    labels: list[str | None] = [*corpus.titles]
    labels[3], labels[5], labels[7] = "Café Noir", None, "(line 8)"
    labels[8:10] = [f"{corpus.titles[8]} (line {line})" for line in (9, 10)]
    return StandIn(served, corpus, labels)


def _of_libsvm(name: str, corpus: Planted, version: str = "") -> StandIn:
    served = {LIBSVM + file: content for file, content in libsvm(corpus, name, version).items()}
    return StandIn(served, corpus, [*corpus.keys()])


def _of_hub(corpus: Planted) -> StandIn:
    return StandIn({HUB + name: content for name, content in loose(corpus).items()}, corpus, [*corpus.titles], ())


def _of_bucket(name: str, folder: str, corpus: Planted, features: Mapping[Part, str], **names: str) -> StandIn:
    """A copy of AttentionXML's files, with the table that its owners made of them."""
    files = with_table(corpus, f"{folder.lower()}.csv", attentionxml(corpus, features=features, **names))
    return StandIn({S3 + name: tar(folder, files)}, corpus, [*corpus.keys()], tuple(features))


def _of_repository(address: str, corpus: Planted) -> StandIn:
    return StandIn({address: zipped("Eurlex", bag_of_words(corpus))}, corpus, [*corpus.titles], ())


def stand_ins(datasets: Mapping[str, Planted]) -> list[StandIn]:
    """One of each known copy of the datasets."""
    eurlex, wiki10, amazoncat, amazon, wiki, bow = (datasets[name] for name in DATASETS)
    both: dict[Part, str] = {"trn": "train.txt", "tst": "test.txt"}
    stemmed = "_texts.txt"
    return [
        _of_drive("1iPGbr5-z2LogtMFG1rwwekV_aTubvAb2", "EUR-Lex", eurlex, both, texts=stemmed),
        _of_drive("1Tv4MHQzDWTUC9hRFihRhG8_jt1h0VhnR", "Wiki10-31K", wiki10, {}),
        _of_drive("1VwHAbri6y6oh8lkpZ6sSY_b1FRNnCLFL", "AmazonCat-13K", amazoncat, {}),
        _of_drive("1Xd4BPFy1RPmE7MEXMu77E2_xWOhR1pHW", "Amazon-670K", amazon, {"trn": "train_v1.txt"}),
        _of_drive("1bGEcCagh8zaDV0ZNGsgF0QtwjcAm0Afk", "Wiki-500K", wiki, {"trn": "train.txt"}),
        _of_xtransformer("1A_sL_mzpkmnr6g0DSZ0_xJTr4GN-rIfi", "Eurlex-4K", eurlex),
        _of_xtransformer("1V22zUzzoXjb-nHqZAJNcKtjNDAph81jt", "Wiki10-31K", wiki10),
        _of_xtransformer("1oxNwL9o9zGEhnBT8i0g5tN7ZBIggLk85", "AmazonCat-13K", amazoncat),
        _of_xtransformer("1WMyCqVstoZdjFU0-WBaK2cRV09IzUwav", "Wiki-500K", wiki.widened()),
        _of_pecos("eurlex-4k", eurlex),
        _of_pecos("wiki10-31k", wiki10),
        _of_pecos("amazoncat-13k", amazoncat),
        _of_pecos_with_products("amazon-670k", amazon),
        _of_pecos("wiki-500k", wiki.widened()),
        _of_libsvm("eurlex", eurlex),
        _of_libsvm("wiki10_31k", wiki10),
        _of_libsvm("AmazonCat-13K", amazoncat, "_ver1"),
        _of_hub(eurlex),
        _of_bucket("eurlex-4k/Eurlex-4k.tgz", "Eurlex-4k", eurlex, both, texts=stemmed),
        _of_bucket("wiki10-31k/Wiki10-31K.tgz", "Wiki10-31K", wiki10, {}),
        _of_repository(XMC, bow),
        _of_repository("1xWW1UykQBTD2IorVn7V8XubJatQDScol", bow),
    ]


# The definitions, with the addresses of a server on this machine


def definition_of(dataset: str) -> dict[str, Any]:
    """The real definition in datasets/."""
    content: dict[str, Any] = yaml.safe_load((ROOT / f"datasets/{dataset}.yaml").read_text(encoding="utf-8"))
    return content


def pieces(mirror: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a mirror that have an address: its single files, or the mirror itself."""
    found: list[dict[str, Any]] = mirror.get("files", [mirror])
    return found


def address(piece: Mapping[str, Any]) -> str:
    """A file's address in its definition: a Google Drive id or a URL."""
    return str(piece.get("drive") or piece["url"])


def mirrors() -> list[tuple[str, dict[str, Any]]]:
    """Every mirror of the datasets of the papers' targets, with the name of its dataset."""
    targets = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["targets"]
    names = sorted({name for target in ("all", "tail") for name in targets[target]["datasets"]})
    return [(name, mirror) for name in names for mirror in definition_of(name)["source"].get("mirrors", [])]


def stand_in(mirror: Mapping[str, Any], known: list[StandIn]) -> StandIn:
    """The stand-in that serves all addresses of the mirror; KeyError if there is none."""
    wanted = {address(piece) for piece in pieces(mirror)}
    for found in known:
        if wanted <= found.served.keys():
            return found
    raise KeyError(f"no stand-in serves {', '.join(sorted(wanted))}")


def localised(mirror: Mapping[str, Any], files: Files, served: Path, url: str) -> dict[str, Any]:
    """The mirror with addresses below `url`; the content of each of its `files` is written below `served`.

    Names, layout and all else are unchanged; only checksums, sizes and addresses are the stand-in's. The end of an
    address is that of the real one.
    """
    local = deepcopy(dict(mirror))
    for piece in pieces(local):
        real = address(piece)
        place = Path(real.rpartition("://")[2].partition("?")[0])
        (served / place).parent.mkdir(parents=True, exist_ok=True)
        (served / place).write_bytes(files[real])
        for key in {"drive", "url", "sha256", "md5", "bytes"} & piece.keys():
            del piece[key]
        piece["url"] = f"{url}/{place}"
    return local


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; returns its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
