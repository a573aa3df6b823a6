"""The tables of release 0.1: responses, review, judgements.

Release 0.1 created the tables of review and judgements on first use; this creates all of them.
"""

from sqlalchemy import Connection

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    "key" VARCHAR(64) NOT NULL,
    record_id VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    model VARCHAR NOT NULL,
    prompt_version VARCHAR NOT NULL,
    PRIMARY KEY ("key")
);
CREATE INDEX IF NOT EXISTS ix_requests_record_id ON requests (record_id);
CREATE TABLE IF NOT EXISTS attempts (
    number {serial} NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    build VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    status INTEGER,
    detail VARCHAR,
    seconds FLOAT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    at FLOAT NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX IF NOT EXISTS ix_attempts_build ON attempts (build);
CREATE INDEX IF NOT EXISTS ix_attempts_key ON attempts ("key");
CREATE TABLE IF NOT EXISTS answers (
    "key" VARCHAR(64) NOT NULL,
    outcome VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    finish_reason VARCHAR,
    model VARCHAR,
    at FLOAT NOT NULL,
    PRIMARY KEY ("key")
);
CREATE TABLE IF NOT EXISTS endpoints (
    base_url VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    understands VARCHAR NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (base_url, model)
);
CREATE TABLE IF NOT EXISTS review_events (
    number {serial} NOT NULL,
    id VARCHAR(64) NOT NULL,
    build VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    seen VARCHAR(64) NOT NULL,
    annotator VARCHAR(16) NOT NULL,
    version INTEGER NOT NULL,
    kind VARCHAR(16) NOT NULL,
    verdict VARCHAR(16) NOT NULL,
    undoes VARCHAR(64),
    surplus BOOLEAN NOT NULL,
    body VARCHAR NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (item, annotator, version),
    UNIQUE (id),
    UNIQUE (undoes)
);
CREATE INDEX IF NOT EXISTS ix_review_events_build ON review_events (build);
CREATE INDEX IF NOT EXISTS review_events_by_annotator ON review_events (annotator, build, number);
CREATE TABLE IF NOT EXISTS review_items (
    build VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    seen VARCHAR(64) NOT NULL,
    position INTEGER NOT NULL,
    doubt FLOAT NOT NULL,
    crisis BOOLEAN NOT NULL,
    gold BOOLEAN NOT NULL,
    submitted INTEGER NOT NULL,
    corpus VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    emotion VARCHAR NOT NULL,
    strategies VARCHAR NOT NULL,
    shard VARCHAR NOT NULL,
    "row" INTEGER NOT NULL,
    PRIMARY KEY (build, item)
);
CREATE INDEX IF NOT EXISTS review_items_by_doubt
    ON review_items (build, gold, submitted, doubt DESC);
CREATE INDEX IF NOT EXISTS review_items_by_item ON review_items (item);
CREATE INDEX IF NOT EXISTS review_items_counted ON review_items (build, gold, crisis, submitted);
CREATE INDEX IF NOT EXISTS review_items_in_order
    ON review_items (build, gold, submitted, position);
CREATE TABLE IF NOT EXISTS review_leases (
    build VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    annotator VARCHAR(16) NOT NULL,
    expires FLOAT NOT NULL,
    PRIMARY KEY (build, item, annotator)
);
CREATE INDEX IF NOT EXISTS review_leases_by_annotator ON review_leases (annotator, build, expires);
CREATE TABLE IF NOT EXISTS review_annotators (
    id VARCHAR(16) NOT NULL,
    name VARCHAR NOT NULL,
    role VARCHAR(16) NOT NULL,
    token_sha256 VARCHAR(64),
    takes_crisis BOOLEAN NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (name),
    UNIQUE (token_sha256)
);
CREATE TABLE IF NOT EXISTS review_builds (
    build VARCHAR NOT NULL,
    files_sha256 VARCHAR(64) NOT NULL,
    PRIMARY KEY (build)
);
CREATE TABLE IF NOT EXISTS review_settings (
    build VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY (build)
);
CREATE TABLE IF NOT EXISTS review_first_answers (
    item VARCHAR NOT NULL,
    seen VARCHAR(64) NOT NULL,
    annotator VARCHAR(16) NOT NULL,
    answer VARCHAR NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (item, seen, annotator)
);
CREATE TABLE IF NOT EXISTS review_pairs (
    build VARCHAR NOT NULL,
    against VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    seen VARCHAR(64) NOT NULL,
    other VARCHAR(64) NOT NULL,
    position INTEGER NOT NULL,
    crisis BOOLEAN NOT NULL,
    submitted INTEGER NOT NULL,
    PRIMARY KEY (build, against, item)
);
CREATE TABLE IF NOT EXISTS review_sessions (
    cookie_sha256 VARCHAR(64) NOT NULL,
    annotator VARCHAR(16) NOT NULL,
    expires FLOAT NOT NULL,
    PRIMARY KEY (cookie_sha256)
);
CREATE TABLE IF NOT EXISTS judge_events (
    number {serial} NOT NULL,
    test VARCHAR(16) NOT NULL,
    one VARCHAR NOT NULL,
    other VARCHAR NOT NULL,
    seen VARCHAR(64) NOT NULL,
    model VARCHAR NOT NULL,
    prompt_version VARCHAR NOT NULL,
    verdict VARCHAR(16) NOT NULL,
    straight_key VARCHAR(64),
    swapped_key VARCHAR(64),
    at FLOAT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (test, one, other, seen, model, prompt_version)
);
CREATE INDEX IF NOT EXISTS ix_judge_events_seen ON judge_events (seen);
"""


def upgrade(connection: Connection) -> None:
    """Create the missing tables."""
    serial = "SERIAL" if connection.dialect.name == "postgresql" else "INTEGER"
    for statement in _TABLES.format(serial=serial).split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
