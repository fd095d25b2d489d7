"""Run by alembic for each migration: on the connection, and in the transaction, it was given."""

from alembic import context

from aryl.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
