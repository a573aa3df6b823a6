"""Cached values by key: measurements and checks of clips, speech, transcripts, and their files.

Release 0.1 had them in SQLite files beside the store; `store/side_files.py` imports those.
"""

from sqlalchemy import Connection

_TABLES = """
CREATE TABLE key_values (
    kind VARCHAR(16) NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    value {bytes} NOT NULL,
    file VARCHAR(64),
    PRIMARY KEY (kind, "key")
);
CREATE INDEX ix_key_values_file ON key_values (file);
CREATE TABLE key_value_records (
    record_id VARCHAR NOT NULL,
    kind VARCHAR(16) NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    PRIMARY KEY (record_id, kind, "key")
);
CREATE INDEX key_value_records_by_key ON key_value_records (kind, "key");
"""


def upgrade(connection: Connection) -> None:
    """Create the tables of values and of the records that need them."""
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in _TABLES.format(bytes=binary).split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
