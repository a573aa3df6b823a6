"""The tables of responses, messages and cached values.

`migrations/` creates them in the database; a test compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa

# Other packages add their tables of the store to it.
metadata = sa.MetaData()
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("record_id", sa.String, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
)
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("build", sa.String, nullable=False, index=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("endpoint", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("detail", sa.String),
    sa.Column("seconds", sa.Float),
    sa.Column("prompt_tokens", sa.Integer),
    sa.Column("completion_tokens", sa.Integer),
    sa.Column("at", sa.Float, nullable=False),
)
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("finish_reason", sa.String),
    sa.Column("model", sa.String),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("prompt_tokens", sa.Integer),
    sa.Column("completion_tokens", sa.Integer),
)
# Who is asking for which answer just now, by the request's key; see `claims.py`.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String, nullable=False),
)
claim_holders = sa.Table(
    "claim_holders",
    metadata,
    sa.Column("holder", sa.String, primary_key=True),
    sa.Column("build", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("began", sa.Float, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
)
endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("base_url", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("understands", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
# Each text of a request once, by its SHA-256, compressed by zlib.
message_parts = sa.Table(
    "message_parts",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
# `parts` is JSON: role and digest of each message; `size` is in bytes of UTF-8.
request_messages = sa.Table(
    "request_messages",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("parts", sa.String, nullable=False),
    sa.Column("audio_sha256", sa.String(64)),
    sa.Column("size", sa.Integer, nullable=False),
)
forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)
key_values = sa.Table(
    "key_values",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("file", sa.String(64), index=True),
)
key_value_records = sa.Table(
    "key_value_records",
    metadata,
    sa.Column("record_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Index("key_value_records_by_key", "kind", "key"),
)
