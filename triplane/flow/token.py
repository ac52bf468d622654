"""The token of a data folder: who holds it may use the page and its API."""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from triplane.errors import BadInput

USABLE: Final = re.compile(r"[A-Za-z0-9_-]{16,1000}")
"""Long enough not to be guessed, and the same in an address, a header and a cookie."""
_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # a link could have any file made readable, or overwritten


def load_token(folder: Path) -> str:
    """Read the token of a data folder, or make it (``folder/token``, readable by its owner alone).

    Raises
    ------
    BadInput
        The file can be neither read nor written, is no file of its own, or holds no usable token.
    """
    path = folder / "token"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FOLLOW, 0o600)
        except FileExistsError:
            token = _read(path)
            if token:
                return token
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | _FOLLOW)
        token = secrets.token_urlsafe(32)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
    except OSError as error:
        raise BadInput(
            f"The token file {path} can be neither read nor made: {error}; use another data folder."
        ) from error
    return token


def _read(path: Path) -> str:
    """The token in a file, which nobody else may read from now on; empty when there is none yet."""
    if path.is_symlink() or not path.is_file():
        raise BadInput(f"The token file {path} is a link or no file; take it away, and a new one is made.")
    with os.fdopen(os.open(path, os.O_RDONLY | _FOLLOW), "rb") as file:
        if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            os.fchmod(file.fileno(), 0o600)
        token = file.read(2000).decode("ascii", "replace").strip()
    if token and not USABLE.fullmatch(token):
        raise BadInput(
            f"The token in {path} must be 16 letters, digits, '-' or '_' or more; take the file away, and a new one is "
            "made."
        )
    return token
