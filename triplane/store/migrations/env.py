"""Alembic's entry point: runs the revisions on the connection that :mod:`triplane.store.upgrade` hands over.

There is no ``alembic.ini`` and no second connection, so that the upgrade happens inside one transaction.
"""

from alembic import context

from triplane.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
