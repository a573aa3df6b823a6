"""The messages of each HTTP request; older requests have none.

Each text is stored once, however many requests have it.
"""

from sqlalchemy import Connection

_TABLES = """
CREATE TABLE message_parts (
    digest VARCHAR(64) NOT NULL,
    content {bytes} NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE request_messages (
    "key" VARCHAR(64) NOT NULL,
    parts VARCHAR NOT NULL,
    audio_sha256 VARCHAR(64),
    size INTEGER NOT NULL,
    PRIMARY KEY ("key")
)
"""


def upgrade(connection: Connection) -> None:
    """Create the tables of texts and of the requests that consist of them."""
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in _TABLES.format(bytes=binary).split(";\n"):
        connection.exec_driver_sql(statement)
