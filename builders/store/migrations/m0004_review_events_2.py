"""A format number for review events: in format 2, null means 'not answered'.

Existing events have format 1, which wrote a default instead: an empty set of
ratings, no flags, 0 seconds heard, a visible draft. They are not changed.
"""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Add the column; 1 for every existing event."""
    connection.exec_driver_sql(
        "ALTER TABLE review_events ADD COLUMN format INTEGER DEFAULT 1 NOT NULL"
    )
