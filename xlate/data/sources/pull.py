"""Fetch the files of a corpus from its origin, complete and checked, or not at all."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from xlate.data.card import Card, SourceFile
from xlate.errors import DownloadError, StorageError

__all__ = ["fetch"]

#: called with bytes fetched, all bytes, and the file
Progress = Callable[[int, int, str], None]

_CHUNK = 1 << 16
_TIMEOUT_S = 60.0
#: most bytes that are fetched of a file whose size is not in the card
_MOST_BYTES = 64 * 1024 * 1024


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follow redirects over http and https, but never from https to http."""

    # the six arguments of the base class
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before = urllib.parse.urlparse(req.full_url).scheme
        after = urllib.parse.urlparse(newurl).scheme
        if after not in ("http", "https") or (before, after) == ("https", "http"):
            raise DownloadError(
                f"{req.full_url} redirects to {newurl}, which is not followed",
                "import a copy with --from DIR",
                code="download.refused",
            )
        return super().redirect_request(
            req, fp, code, msg, headers=headers, newurl=newurl
        )


_OPENER = urllib.request.build_opener(_SameKind)


def fetch(
    card: Card,
    folder: Path,
    base_url: str | None = None,
    say: Callable[[str], None] | None = None,
    unverified: bool = False,
    *,
    kept: Sequence[Path] = (),
    progress: Progress | None = None,
) -> None:
    """Download every file of a card into ``folder``, checking size and sha256.

    Parameters
    ----------
    card : Card
        Names files, sizes and checksums.
    folder : Path
        A scratch folder; the caller removes it when this raises.
    base_url : str, optional
        A mirror to use in place of the card's address.
    say : callable, optional
        Called with one line for each file.
    unverified : bool
        Whether to accept files without a checksum in the card; it is then printed.
    kept : sequence of Path
        Folders of interrupted downloads: files with the right checksum are moved from
        them and not fetched again.
    progress : callable, optional
        Called with bytes fetched, all bytes (0 where not known), and the file.

    Raises
    ------
    DownloadError
        If a file cannot be reached, breaks off, is not the expected one, is named out of
        the folder, or has no checksum and ``unverified`` is False.
    StorageError
        If the folder cannot be written.
    """
    base, unknown = _base_of(card, base_url), _unknown(card, unverified)
    _check_names(card)
    total = 0 if unknown else sum(f.bytes for f in card.files)
    done = 0
    for file in card.files:
        path = folder / file.path
        if _taken(file, kept, path):
            if say is not None:
                say(f"kept {file.path} from a download that was cut short")
        else:
            if say is not None:
                size = f" ({file.bytes / 1e6:.1f} MB)" if file.sha256 else ""
                say(f"fetching {file.path}{size}")
            report = (
                None if progress is None else partial(_report, progress, done, total)
            )
            checksum = _fetch(base, file, path, report)
            if say is not None and not file.sha256:
                say(f"not verified: sha256 {checksum}")
        done += path.stat().st_size
        if progress is not None:
            progress(done, total, file.path)


def _report(progress: Progress, done: int, total: int, size: int, file: str) -> None:
    """Report progress: bytes of files before this one, all bytes, bytes of this one."""
    progress(done + size, total, file)


def _unknown(card: Card, unverified: bool) -> list[str]:
    """Files without a checksum; an error unless they may be fetched unverified."""
    unknown = [f.path for f in card.files if not f.sha256]
    if unknown and not unverified:
        raise DownloadError(
            f"no checksum is known of {unknown[0]} and {len(unknown) - 1} more files of "
            f"{card.name}",
            f"copy {card.origin} at {card.commit[:12]} and xlate datasets import "
            f"{card.name} --from DIR, or pull with --unverified",
            code="download.checksum",
        )
    return unknown


def _base_of(card: Card, base_url: str | None) -> str:
    """The address to which paths are appended."""
    base = (base_url or card.url).rstrip("/") + "/"
    if urllib.parse.urlparse(base).scheme not in ("http", "https"):
        raise DownloadError(
            f"corpus {card.name} has no address to pull from"
            if not base.strip("/")
            else f"{base} is not an http address",
            f"xlate datasets import {card.name} --from DIR",
            code="download.refused",
        )
    return base


def _check_names(card: Card) -> None:
    """Raise an error if a name leads out of the folder, on any system."""
    for file in card.files:
        parts = PurePosixPath(file.path).parts
        windows = PureWindowsPath(file.path)
        if (
            not parts
            or file.path.startswith("/")
            or ".." in parts
            or windows.drive
            or "\\" in file.path
            or any(ord(c) < 32 for c in file.path)
        ):
            raise DownloadError(
                f"corpus {card.name} names a file {file.path!r}, which is not below "
                "its folder",
                f"correct the file list of {card.name}",
                code="download.refused",
            )


def _taken(file: SourceFile, kept: Sequence[Path], path: Path) -> bool:
    """Whether the file was moved from an earlier download, after a check."""
    for folder in kept if file.sha256 else ():
        earlier = folder / file.path
        if not earlier.is_file() or earlier.stat().st_size != file.bytes:
            continue
        with earlier.open("rb") as f:
            if hashlib.file_digest(f, "sha256").hexdigest() != file.sha256:
                continue
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(earlier, path)
        return True
    return False


def _fetch(
    base: str,
    file: SourceFile,
    path: Path,
    report: Callable[[int, str], None] | None,
) -> str:
    """Fetch one file and return its sha256, which must be that of the card, if any."""
    url = base + urllib.parse.quote(file.path)
    most = file.bytes if file.sha256 else _MOST_BYTES
    digest = hashlib.sha256()
    size = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out, _opened(url) as answer:
            promised = _promised(answer)
            if promised > most:
                raise _too_long(url, most)
            while chunk := _read(url, answer):
                size += len(chunk)
                if size > most:
                    raise _too_long(url, most)
                digest.update(chunk)
                out.write(chunk)
                if report is not None:
                    report(size, file.path)
    except OSError as e:
        # errors of the network were turned into a DownloadError
        raise StorageError(
            f"cannot write {path}: {e.strerror or e}",
            "free some space, or set TMPDIR",
            code="storage.unwritable",
        ) from e
    expected = file.bytes if file.sha256 else promised
    if size != expected >= 0:
        raise DownloadError(
            f"{url} broke off after {size} of {expected} bytes", "try again"
        )
    if file.sha256 and digest.hexdigest() != file.sha256:
        raise DownloadError(
            f"{url} has sha256 {digest.hexdigest()[:12]}…, "
            f"expected {file.sha256[:12]}…",
            "the file was changed or damaged in transfer; try again",
            code="download.checksum",
        )
    return digest.hexdigest()


def _too_long(url: str, most: int) -> DownloadError:
    return DownloadError(
        f"{url} is longer than the {most} bytes expected",
        "the origin has changed; report it",
    )


def _promised(answer: Any) -> int:
    """The length in the server's answer; -1 where there is no readable one."""
    text = str(answer.headers.get("Content-Length") or "")
    return int(text) if text.isascii() and text.isdecimal() else -1


def _opened(url: str) -> Any:
    try:
        # the scheme was checked before: http or https
        return _OPENER.open(url, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as e:
        raise DownloadError(
            f"{url} answered {e.code} {e.reason}",
            "the origin may have moved; import a copy with --from DIR",
        ) from e
    except (OSError, HTTPException, ValueError) as e:
        raise _unreachable(url, e) from e


def _read(url: str, answer: Any) -> bytes:
    try:
        return bytes(answer.read(_CHUNK))
    except (OSError, HTTPException, ValueError) as e:
        raise _unreachable(url, e) from e


def _unreachable(url: str, e: Exception) -> DownloadError:
    return DownloadError(
        f"{url} could not be fetched: {getattr(e, 'reason', None) or e}",
        "check the network and try again, or import a copy with --from DIR",
    )
