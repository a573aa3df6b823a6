"""The format of a review event: in the second one null is what was not said.

The events that are there are of the first one, which wrote a default instead: an empty set of
ratings, no flags, 0 seconds heard, a draft in sight. They stay as they are.
"""

from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Add the column; 1 for every event that is there."""
    connection.exec_driver_sql(
        "ALTER TABLE review_events ADD COLUMN format INTEGER DEFAULT 1 NOT NULL"
    )
