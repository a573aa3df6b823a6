"""The ids of people's samples that were forgotten on request.

Nothing else is kept about them; later builds leave these ids out too.
"""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Create the table of ids: of a sample, or of a dialogue for all of its samples."""
    connection.exec_driver_sql(
        "CREATE TABLE forgotten (id VARCHAR NOT NULL, at FLOAT NOT NULL, PRIMARY KEY (id))"
    )
