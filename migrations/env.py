"""How Alembic runs: on the connection that `server.store.migrate` hands over, one transaction a revision."""

from alembic import context

from server.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
