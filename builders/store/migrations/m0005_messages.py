"""The messages of each request, once it is asked over HTTP; of older requests none are known.

A text lies here once, however many requests have it.
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
    """Make the tables of texts and of the requests that consist of them."""
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in _TABLES.format(bytes=binary).split(";\n"):
        connection.exec_driver_sql(statement)
