"""Fetch the files of a corpus from its origin, whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from xlate.card import Card, SourceFile
from xlate.errors import DownloadError

__all__ = ["fetch"]

_CHUNK = 1 << 16
_TIMEOUT_S = 60.0
#: the most that is fetched of a file whose size no card knows
_MOST_BYTES = 64 * 1024 * 1024


def fetch(
    card: Card,
    folder: Path,
    base_url: str | None = None,
    progress: Callable[[str], None] | None = None,
    unverified: bool = False,
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
    progress : callable, optional
        Told one line a file.
    unverified : bool
        Whether to take files whose checksum no card knows; theirs is then told.

    Raises
    ------
    DownloadError
        If a file cannot be reached, breaks off, or is not the file expected, or
        its checksum is not known and nobody said that this is fine.
    """
    base = (base_url or card.url).rstrip("/") + "/"
    if urllib.parse.urlparse(base).scheme not in ("http", "https"):
        raise DownloadError(
            f"corpus {card.name} has no address to pull from"
            if not base.strip("/")
            else f"{base} is no http address",
            f"xlate datasets import {card.name} --from DIR",
        )
    unknown = [f.path for f in card.files if not f.sha256]
    if unknown and not unverified:
        raise DownloadError(
            f"no checksum is known of {unknown[0]} and {len(unknown) - 1} more files of "
            f"{card.name}",
            f"copy {card.origin} at {card.commit[:12]} and xlate datasets import "
            f"{card.name} --from DIR, or pull with --unverified",
        )
    for file in card.files:
        known = bool(file.sha256)
        if progress is not None:
            size = f" ({file.bytes / 1e6:.1f} MB)" if known else ""
            progress(f"fetching {file.path}{size}")
        found = _fetch(base, file, folder / file.path)
        if progress is not None and not known:
            progress(f"not verified: sha256 {found}")


def _fetch(base: str, file: SourceFile, path: Path) -> str:
    """Fetch one file; its sha256, which is the card's where that knows one."""
    url = base + urllib.parse.quote(file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    try:
        # the scheme was checked above: http or https
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer,  # noqa: S310
            path.open("wb") as out,
        ):
            promised = int(answer.headers.get("Content-Length") or -1)
            while chunk := answer.read(_CHUNK):
                size += len(chunk)
                if size > (file.bytes if file.sha256 else _MOST_BYTES):
                    raise DownloadError(
                        f"{url} is longer than the "
                        f"{file.bytes if file.sha256 else _MOST_BYTES} bytes expected",
                        "the origin has changed; report it",
                    )
                digest.update(chunk)
                out.write(chunk)
    except urllib.error.HTTPError as e:
        raise DownloadError(
            f"{url} answered {e.code} {e.reason}",
            "the origin may have moved; import a copy with --from DIR",
        ) from e
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as e:
        raise DownloadError(
            f"{url} could not be fetched: {getattr(e, 'reason', None) or e}",
            "check the network and try again, or import a copy with --from DIR",
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
        )
    return digest.hexdigest()
