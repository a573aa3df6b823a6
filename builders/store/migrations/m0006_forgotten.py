"""The ids of those who asked to be left out.

Nothing else is kept of them, so that later builds leave them out too.
"""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Make the table of ids: of a sample, or of a dialogue for all of its samples."""
    connection.exec_driver_sql(
        "CREATE TABLE forgotten (id VARCHAR NOT NULL, at FLOAT NOT NULL, PRIMARY KEY (id))"
    )
