"""A skops archive, opened only when it is the file the manifest names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlate.errors import BundleError
from xlate.files import read_bytes

__all__ = ["open_archive"]

#: the largest bundle that was fitted holds 40 MB
_MOST_BYTES = 512 * 1024 * 1024


def open_archive(
    path: Path, digest: str | None, allowed: Sequence[str], what: str, refit: str
) -> Any:
    """Load what an archive holds, after checking everything that can be checked.

    Parameters
    ----------
    path : Path
        The archive.
    digest : str or None
        sha256 that the manifest gives for it.
    allowed : sequence of str
        Types it may hold beyond those skops trusts by itself.
    what : str
        What it should hold, for messages.
    refit : str
        Command that makes it anew.

    Raises
    ------
    BundleError
        If it cannot be read, was changed since the fit, holds a type that is
        not on the list, or is damaged.
    """
    import skops.io as sio
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        archive = read_bytes(path, _MOST_BYTES)
    except OSError as e:
        raise BundleError(f"{path} cannot be read: {e.strerror or e}", refit) from e
    found = hashlib.sha256(archive).hexdigest()
    if found != digest:
        raise BundleError(
            f"{path} was changed or cut off after the fit (sha256 {found[:12]}…, the "
            f"manifest says {str(digest)[:12]}…); it was not loaded",
            refit,
        )
    try:
        # raises for a type that is not on the list before anything is built
        return sio.loads(archive, trusted=list(allowed))
    except UntrustedTypesFoundException as e:
        raise BundleError(
            f"{path} holds types that no {what} needs; it was not loaded: {e}", refit
        ) from e
    # a damaged archive fails anywhere inside zip, json or numpy
    except Exception as e:
        raise BundleError(
            f"{path} is no skops archive, or a damaged one: {type(e).__name__}: {e}",
            refit,
        ) from e
