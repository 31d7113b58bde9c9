"""Unpacking: the contents are those that were packed, and hostile or damaged archives are refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightxml_core.downloads.archives import damage, decompress, read_member, unpack
from lightxml_core.errors import InputError

CONTENT = {"top.txt": b"top", "deep/er/data.npz": random.Random(0).randbytes(50_000), "deep/empty": b""}
Pack = Callable[[Path, dict[str, bytes]], None]


def pack_zip(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in content.items():
            opened.writestr(name, data)


def pack_tar(mode: str) -> Pack:
    def pack(path: Path, content: dict[str, bytes]) -> None:
        with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                opened.addfile(info, io.BytesIO(data))

    return pack


PACKERS: dict[str, Pack] = {
    "a.zip": pack_zip,
    "a.whl": pack_zip,
    "a.tar": pack_tar("w"),
    "a.tar.gz": pack_tar("w:gz"),
    "a.tgz": pack_tar("w:gz"),
    "a.tar.bz2": pack_tar("w:bz2"),
    "a.tar.xz": pack_tar("w:xz"),
}
every_kind = pytest.mark.parametrize("name", PACKERS)


def packed(folder: Path, name: str, content: dict[str, bytes]) -> Path:
    PACKERS[name](folder / name, content)
    return folder / name


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, match: str, **options: int) -> None:
    """Unpacking fails with a sentence that names the archive, and leaves no files."""
    before = sorted(archive.parent.iterdir())
    with pytest.raises(InputError, match=match) as caught:
        unpack(archive, archive.parent / "target", **options)
    assert str(archive) in str(caught.value)
    assert sorted(archive.parent.iterdir()) == before


@every_kind
def test_unpacked_equals_packed(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path, name, CONTENT)
    unpack(archive, tmp_path / "target", max_bytes=sum(map(len, CONTENT.values())))
    assert tree(tmp_path / "target") == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "target"])
    assert damage(archive) is None
    assert read_member(archive, "deep/er/data.npz", 50_000) == CONTENT["deep/er/data.npz"]


def test_folders_of_a_real_tar_are_made(tmp_path: Path) -> None:
    (tmp_path / "source/empty").mkdir(parents=True)
    (tmp_path / "source/file").write_bytes(b"x")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as opened:
        opened.add(tmp_path / "source", arcname=".")
    unpack(tmp_path / "a.tar.gz", tmp_path / "target")
    assert tree(tmp_path / "target") == {"file": b"x"}
    assert (tmp_path / "target/empty").is_dir()


@pytest.mark.parametrize("member", ["../out", "a/../../out", "/tmp/out", "..\\out", "C:\\out", "C:out", "a/.."])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_paths_outside_the_target_are_refused(tmp_path: Path, name: str, member: str) -> None:
    refused(packed(tmp_path, name, {"good": b"good", member: b"evil"}), "path outside its own folder")


def pack_special(path: Path, kinds: dict[str, bytes], content: dict[str, bytes]) -> Path:
    """Write a tar that begins with special members (links, devices) that point to /etc/passwd, then the files."""
    with tarfile.open(path, "w") as opened:
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            opened.addfile(info)
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    refused(pack_special(tmp_path / "a.tar", {"device": kind}, {}), r"holds a device \(device\)")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_in_a_tar_are_skipped_with_one_warning(
    tmp_path: Path, kind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    links = {f"link{number}": kind for number in range(7)}
    archive = pack_special(tmp_path / "a.tar", links, {"link0/below": b"x", "file": b"y"})
    unpack(archive, tmp_path / "target")
    assert tree(tmp_path / "target") == {"link0/below": b"x", "file": b"y"}
    assert not any(path.is_symlink() for path in (tmp_path / "target").rglob("*"))
    assert [record.getMessage() for record in caplog.records] == [
        f"{archive} holds 7 links, which are left out: link0, link1, link2, link3, link4, …"
    ]
    assert damage(archive) is None
    with pytest.raises(InputError, match="holds no file link1"):
        read_member(archive, "link1", 100)
    shutil.rmtree(tmp_path / "target")
    refused(pack_special(tmp_path / "b.tar", {"../link": kind}, {}), "path outside its own folder")


COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_single_file_is_decompressed_completely_or_not_at_all(tmp_path: Path, suffix: str) -> None:
    data = random.Random(0).randbytes(30_000)
    whole = COMPRESS[suffix](data[:20_000]) + COMPRESS[suffix](data[20_000:])  # as pbzip2 and pigz write it
    packed_file, target = tmp_path / f"a.txt{suffix}", tmp_path / "a.txt"
    packed_file.write_bytes(whole)
    decompress(packed_file, target, len(data))
    assert target.read_bytes() == data and damage(packed_file) is None
    target.unlink()
    for content, limit, told in ((whole[:-9], 10**9, "is damaged, cut"), (whole, len(data) - 1, "more bytes than")):
        packed_file.write_bytes(content)
        with pytest.raises(InputError, match=rf"a\.txt{suffix} .*{told}"):
            decompress(packed_file, target, limit)
        assert told in str(damage(packed_file, max_bytes=limit)) and list(tmp_path.iterdir()) == [packed_file]


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(info, "/etc/passwd")
    refused(tmp_path / "a.zip", "holds a link or device")


@every_kind
def test_more_bytes_than_allowed_are_refused(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path, name, {"zeros": bytes(3_000_000), "more": bytes(1000)})
    refused(archive, r"more bytes than allowed \(at more\)", max_bytes=3_000_999)
    refused(archive, r"more bytes than allowed \(at zeros\)", max_bytes=1)
    assert "more bytes" in str(damage(archive, max_bytes=1))
    with pytest.raises(InputError, match="more bytes than allowed"):
        read_member(archive, "zeros", 2_999_999)


def test_bytes_are_counted_whatever_the_header_states(tmp_path: Path) -> None:
    archive = packed(tmp_path, "a.zip", {"zeros": bytes(3_000_000)})
    true_size, lie = (3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true_size, lie))
    refused(archive, "damaged|more bytes than allowed", max_bytes=1000)


@every_kind
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_archive_is_named(tmp_path: Path, name: str, share: float) -> None:
    archive = packed(tmp_path, name, CONTENT)
    data = archive.read_bytes()
    # A plain tar is padded at its end: cut before the padding.
    end = data.rstrip(b"\0") if name == "a.tar" else data
    archive.write_bytes(data[: int(share * len(end))])
    refused(archive, "is damaged, cut short or of an unknown kind .*: put a complete copy there")


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path, "a.tar", {"one": b"1" * 512, "two": b"2" * 512})
    archive.write_bytes(archive.read_bytes()[:1024])
    refused(archive, "no end mark")


def test_a_tar_with_a_damaged_header_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path, "a.tar", {"one": b"1" * 512, "two": b"2" * 512})
    data = archive.read_bytes()
    archive.write_bytes(data[:1024] + b"#" + data[1025:])
    refused(archive, "no end mark")


@every_kind
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_harmless_or_reported(name: str, data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        archive = packed(folder, name, {"a/one": b"one" * 50, "b": bytes(range(200))})
        content = bytearray(archive.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        archive.write_bytes(content)
        try:
            unpack(archive, folder / "target", max_bytes=10_000)
        except InputError:
            assert list(folder.iterdir()) == [archive]
        else:
            assert sorted(folder.iterdir()) == sorted([archive, folder / "target"])
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = kind, 2**30
        opened.addfile(info)
    refused(tmp_path / "a.tar", "has a header of 1073741824 bytes")


@pytest.mark.parametrize("how", ["old", "pax"])
def test_sparse_files_are_refused(tmp_path: Path, how: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as opened:
        info = tarfile.TarInfo("sparse")
        if how == "old":
            info.type = tarfile.GNUTYPE_SPARSE
        else:
            info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
        opened.addfile(info)
    refused(tmp_path / "a.tar", "holds a sparse file")


def test_a_very_long_tail_and_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path, "a.tar", {"one": b"1"})
    archive.write_bytes(archive.read_bytes() + bytes(2**24 + 2**20))
    refused(archive, "has data after its end mark")
    monkeypatch.setattr("lightxml_core.downloads.archives.MAX_MEMBERS", 2)
    for name in ("b.zip", "b.tar"):
        PACKERS["a" + name[1:]](tmp_path / name, {str(number): b"" for number in range(3)})
        refused(tmp_path / name, "holds more than 2 files and folders")


def test_a_zip_must_be_packed_by_deflate(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("one", "1")
    refused(tmp_path / "a.zip", "packed by an unsupported method")


def test_a_name_for_both_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    refused(packed(tmp_path, "a.tar", {"x": b"file", "x/y": b"below it"}), "unknown kind")
    refused(packed(tmp_path, "a.zip", {"y" * 300: b"too long a name"}), "unknown kind")


def test_an_html_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"\xef\xbb\xbf  <HTML><head>Sign in")
    refused(tmp_path / "a.tar.gz", "is an HTML page, not an archive")


def test_a_folder_with_content_is_never_replaced(tmp_path: Path) -> None:
    archive = packed(tmp_path, "a.zip", CONTENT)
    (tmp_path / "target").mkdir()
    unpack(archive, tmp_path / "target")  # an empty folder is used
    (tmp_path / "target/mine").write_bytes(b"mine")
    refused(archive, "in the way")
    assert (tmp_path / "target/mine").read_bytes() == b"mine"


def test_leftovers_of_a_killed_run_are_replaced(tmp_path: Path) -> None:
    (tmp_path / ".target.unpacking/old").mkdir(parents=True)
    unpack(packed(tmp_path, "a.zip", {"new": b"new"}), tmp_path / "target")
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["new"]
    assert not (tmp_path / ".target.unpacking").exists()


def test_a_missing_member_or_archive_is_named(tmp_path: Path) -> None:
    archive = packed(tmp_path, "a.whl", CONTENT)
    with pytest.raises(InputError, match=r"a\.whl holds no file deep/other"):
        read_member(archive, "deep/other", 10)
    with pytest.raises(InputError, match=r"none\.zip is missing"):
        unpack(tmp_path / "none.zip", tmp_path / "target")


def test_a_wheel_member_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("hp.obo", b"format-version: 1.2")
    (tmp_path / "a.whl").write_bytes((tmp_path / "a.whl").read_bytes().replace(b"format-version", b"format-Version"))
    with pytest.raises(InputError, match="damaged"):
        read_member(tmp_path / "a.whl", "hp.obo", 1000)
