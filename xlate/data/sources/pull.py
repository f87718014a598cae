"""Fetch the files of a corpus from its origin, whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from xlate.data.card import Card, SourceFile
from xlate.errors import DownloadError, StorageError

__all__ = ["fetch"]

#: called with bytes fetched, bytes there are, and the file being fetched
Progress = Callable[[int, int, str], None]

_CHUNK = 1 << 16
_TIMEOUT_S = 60.0
#: the most that is fetched of a file whose size the card does not know
_MOST_BYTES = 64 * 1024 * 1024


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follow redirects over http and https, but never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        before = urllib.parse.urlparse(req.full_url).scheme
        after = urllib.parse.urlparse(newurl).scheme
        if after not in ("http", "https") or (before, after) == ("https", "http"):
            raise DownloadError(
                f"{req.full_url} redirects to {newurl}, which is not followed",
                "import a copy with --from DIR",
                code="download.refused",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


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
        A mirror to use in place of the card's own.
    say : callable, optional
        Called with one line a file.
    unverified : bool
        Whether to take files whose checksum the card does not know; it is shown.
    kept : sequence of Path
        Folders of downloads that were cut short: files whose checksum is right
        are moved from there and not fetched again.
    progress : callable, optional
        Called with bytes fetched, bytes in all (0 where not known), and the file.

    Raises
    ------
    DownloadError
        If a file cannot be reached, breaks off, is not the file expected, its
        name leads out of the folder, or its checksum is not known and ``unverified`` is
        False.
    StorageError
        If the folder cannot be written.
    """
    base = _base_of(card, base_url)
    _check_names(card)
    unknown = [f.path for f in card.files if not f.sha256]
    if unknown and not unverified:
        raise DownloadError(
            f"no checksum is known of {unknown[0]} and {len(unknown) - 1} more files of "
            f"{card.name}",
            f"copy {card.origin} at {card.commit[:12]} and xlate datasets import "
            f"{card.name} --from DIR, or pull with --unverified",
            code="download.checksum",
        )
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
            found = _fetch(base, file, path, done, total, progress)
            if say is not None and not file.sha256:
                say(f"not verified: sha256 {found}")
        done += path.stat().st_size
        if progress is not None:
            progress(done, total, file.path)


def _base_of(card: Card, base_url: str | None) -> str:
    """The address that paths are appended to."""
    base = (base_url or card.url).rstrip("/") + "/"
    if urllib.parse.urlparse(base).scheme not in ("http", "https"):
        raise DownloadError(
            f"corpus {card.name} has no address to pull from"
            if not base.strip("/")
            else f"{base} is no http address",
            f"xlate datasets import {card.name} --from DIR",
            code="download.refused",
        )
    return base


def _check_names(card: Card) -> None:
    """Refuse names that lead out of the folder, on any system, before anything is fetched."""
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
    """Whether the file was taken over from an earlier download, checksum checked."""
    for folder in kept if file.sha256 else ():
        found = folder / file.path
        if not found.is_file() or found.stat().st_size != file.bytes:
            continue
        with found.open("rb") as f:
            if hashlib.file_digest(f, "sha256").hexdigest() != file.sha256:
                continue
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(found, path)
        return True
    return False


def _fetch(
    base: str, file: SourceFile, path: Path, done: int, total: int,
    progress: Progress | None,
) -> str:  # fmt: skip
    """Fetch one file; its sha256, which is the card's where that knows one."""
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
                if progress is not None:
                    progress(done + size, total, file.path)
    except OSError as e:
        # what the network raises was turned into a DownloadError below
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
            "the file was changed or damaged on the way; try again",
            code="download.checksum",
        )
    return digest.hexdigest()


def _too_long(url: str, most: int) -> DownloadError:
    return DownloadError(
        f"{url} is longer than the {most} bytes expected",
        "the origin has changed; report it",
    )


def _promised(answer: Any) -> int:
    """The length the server promises, -1 where it promises none that can be read."""
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
