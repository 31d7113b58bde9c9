"""One transfer from one address into a partial file. A later transfer resumes it if the file is still the same."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lightxml_core.downloads.archives import is_compressed, looks_like_html
from lightxml_core.files import write_json

HTML_SERVED = "served an HTML page instead of the file (a page to sign in, or to confirm something?)"
QUOTA = "refuses the download for now, because the file was downloaded too often (its quota is used up)"
_GOOGLE = ("drive.google.com", "drive.usercontent.google.com", "docs.google.com")
_PAGE_BYTES = 2**16
_CHUNK = 2**18
_TRANSIENT = {408, 425, 429}
_VALIDATORS = ("ETag", "Last-Modified")


class BrokenError(Exception):
    """The transfer failed, but another attempt may succeed; the message is the reason."""


class RefusedError(Exception):
    """This address does not serve the file; the message is the reason."""


@dataclass(frozen=True)
class Partial:
    """The received part of `target`, and beside it a note with what the server said about the whole file."""

    target: Path

    @property
    def data(self) -> Path:
        """The bytes that have arrived."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def _note(self) -> Path:
        return self.target.with_name(self.target.name + ".part.json")

    def size(self, url: str) -> int:
        """The number of bytes received from `url`."""
        return self.data.stat().st_size if self.note(url) and self.data.exists() else 0

    def note(self, url: str) -> dict[str, Any]:
        """The note (url, bytes, ETag, Last-Modified), or nothing if the data are from another address than `url`."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) and note.get("url") == url else {}

    def begin(self, note: dict[str, Any]) -> None:
        """Discard old data, then write the new note, so that old data are never beside a new note."""
        self.discard()
        write_json(self._note, note)

    def discard(self) -> None:
        """Remove the data and the note."""
        self.data.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Flush the data to the disk and give them their final name."""
        with self.data.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(self.data, self.target)
        self._note.unlink(missing_ok=True)


def transfer(url: str, partial: Partial, expected: int | None, timeout_s: float) -> bool:
    """Download the rest of the file at `url` into `partial`; return whether this resumed earlier data.

    expected: the file's size in bytes, if known. Raises BrokenError (the data so far are kept) or RefusedError. An
    OSError of the local disk passes through.
    """
    start = partial.size(url)
    if start and start == partial.note(url).get("bytes") and expected in (None, start):
        return True
    with _open(url, partial, timeout_s) as response:
        resumed = bool(response.status == 206)
        start = start if resumed else 0
        total = _total(response, start)
        _require_plausible(response, partial, url, total, expected)
        if not resumed:
            partial.begin({"url": url, "bytes": total} | _validators(response))
        total = expected if total is None else total
        _copy(response, partial, start, total)
    got = partial.size(url)
    if total is not None and got < total:
        raise BrokenError(f"broke off after {got} of {total} bytes")
    if total is not None and got > total:
        partial.discard()
        raise RefusedError(f"gives more than the {total} bytes expected")
    return resumed


def _open(url: str, partial: Partial, timeout_s: float) -> Any:
    """A response with status 206 that continues the data so far, or else one with the whole file."""
    response = _request(url, _range(url, partial), timeout_s) if partial.size(url) else None
    if response is not None and response.status == 206:
        if _continues(response, url, partial):
            return response
        response.close()
        response = None
    response = response or _request(url, {}, timeout_s)
    if response.status not in (None, 200):  # None: a file:// address
        response.close()
        raise BrokenError(f"HTTP {response.status} instead of the file")
    return response


def _request(url: str, headers: dict[str, str], timeout_s: float) -> Any:
    """The open response, or None if the server does not have the requested range."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "lightxml"} | headers)
        return urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and "Range" in headers:
            return None
        kind = BrokenError if error.code >= 500 or error.code in _TRANSIENT else RefusedError
        raise kind(f"HTTP {error.code} {error.reason}") from None
    except ValueError as error:
        raise RefusedError(f"not an address: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise (RefusedError if url.startswith("file:") else BrokenError)(f"no answer: {reason}") from None


def _range(url: str, partial: Partial) -> dict[str, str]:
    headers = {"Range": f"bytes={partial.size(url)}-"}
    note = partial.note(url)
    validator = note.get("ETag") or note.get("Last-Modified")
    if validator and not validator.startswith("W/"):  # weak ETags are not allowed in If-Range: RFC 9110, 13.1.5
        headers["If-Range"] = validator
    return headers


def _continues(response: Any, url: str, partial: Partial) -> bool:
    """Whether a 206 begins where the data end and, as far as the server tells, is of the same file."""
    note = partial.note(url)
    begin = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if begin is None or int(begin[1]) != partial.size(url):
        return False
    now = _validators(response) | {"bytes": _total(response, int(begin[1]))}
    return all(note.get(key) in (None, value) for key, value in now.items() if value is not None)


def _validators(response: Any) -> dict[str, str | None]:
    return {name: response.headers.get(name) for name in _VALIDATORS}


def _total(response: Any, start: int) -> int | None:
    """Size of the whole file in bytes, if the server tells."""
    of = re.search(r"/(\d+)\s*$", response.headers.get("Content-Range", ""))
    length = response.headers.get("Content-Length", "")
    if of is not None:
        return int(of[1])
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return None if chunked or not length.isdecimal() else start + int(length)


def _require_plausible(response: Any, partial: Partial, url: str, total: int | None, expected: int | None) -> None:
    if _never_html(partial, url) and response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise RefusedError(_meaning_of_page(_read(response, _PAGE_BYTES)))
    if None not in (total, expected) and total != expected:
        raise RefusedError(f"offers {total} bytes where {expected} are expected")


def _copy(response: Any, partial: Partial, start: int, total: int | None) -> None:
    """Append the response, up to `total` bytes in all (and one more if the server did not state its own total)."""
    told = response.headers.get("Content-Length") is not None
    left = None if total is None else total - start + (not told)
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=partial.target.name, disable=None)
    with partial.data.open("ab" if start else "wb") as out, bar:
        while left is None or left > 0:
            chunk = _read(response, _CHUNK if left is None else min(_CHUNK, left))
            if not chunk:
                return
            out.write(chunk)
            bar.update(len(chunk))
            left = None if left is None else left - len(chunk)


def _read(response: Any, at_most: int) -> bytes:
    """Read a piece; errors of the network become BrokenError, errors of writing do not."""
    try:
        return bytes(response.read1(at_most))
    except (OSError, http.client.HTTPException) as error:
        raise BrokenError(f"broke off: {str(error) or type(error).__name__}") from None


def page_served(partial: Partial, url: str) -> str | None:
    """What an HTML page served in place of the file means, in words; None if the data are not a page."""
    if not (_never_html(partial, url) and partial.data.exists() and looks_like_html(partial.data)):
        return None
    with partial.data.open("rb") as opened:
        return _meaning_of_page(opened.read(_PAGE_BYTES))


def _never_html(partial: Partial, url: str) -> bool:
    return is_compressed(partial.target) or urllib.parse.urlsplit(url).hostname in _GOOGLE


def _meaning_of_page(page: bytes) -> str:
    return QUOTA if b"quota" in page.lower() else HTML_SERVED
