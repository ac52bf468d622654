"""What is kept after a session: tables, migrations, and one class to write and read them.

The journal is the truth; the tables here are a *projection* of it that can be queried. They can be thrown away and made
again from the journals, so that nothing in this layer ever decides anything.
"""

from triplane.store.database import StoreError
from triplane.store.projector import Projector, project
from triplane.store.store import Page, Store

__all__ = ["Page", "Projector", "Store", "StoreError", "project"]
