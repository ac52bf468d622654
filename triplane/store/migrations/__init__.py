"""How an older database becomes today's: one file a revision in ``versions``, in the order of their names.

A revision never imports the schema, because it has to keep meaning what it meant when it was written.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
"""Alembic's script folder; it travels inside the package."""

HEAD: Final = "0003"
"""The newest revision. Kept here too, so that opening an up-to-date database does not have to load Alembic."""
