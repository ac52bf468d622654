"""Alembic's entry point: runs the revisions on the connection that :mod:`triplane.store.upgrade` hands over.

There is no ``alembic.ini`` and no second connection, so that the upgrade happens inside one transaction.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
