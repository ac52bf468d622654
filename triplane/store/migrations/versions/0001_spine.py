"""The tables of the first version, where every older database began.

There is nothing to run: a database is made with the newest tables at once (see ``triplane.store.upgrade``).
"""

revision = "0001"
down_revision = None
