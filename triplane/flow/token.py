"""The token of a data folder: who holds it may use the page and its API."""

import os
import secrets
import stat
from pathlib import Path

from triplane.errors import BadInput


def load_token(folder: Path) -> str:
    """Read the token of a data folder, or make it (``folder/token``, readable by its owner alone).

    Raises
    ------
    BadInput
        The file can be neither read nor written.
    """
    path = folder / "token"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
            token = path.read_text(encoding="ascii").strip()
            if token:
                return token
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        token = secrets.token_urlsafe(32)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The token file {path} can be neither read nor made: {error}; use another data folder."
        ) from error
    return token
