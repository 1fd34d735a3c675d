"""Run migrations on the connection, and in the transaction, that the catalog hands over."""

from alembic import context

from orchestrator.catalog.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
