"""Which build is asking for which answer, and what each answer took.

What older answers took is what the attempts tell of the same request.
"""

from sqlalchemy import Connection

_STATEMENTS = """
CREATE {unlogged}TABLE claims (
    "key" VARCHAR(64) NOT NULL,
    holder VARCHAR NOT NULL,
    PRIMARY KEY ("key")
){by_key};
CREATE {unlogged}TABLE claim_holders (
    holder VARCHAR NOT NULL,
    build VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    process INTEGER NOT NULL,
    began FLOAT NOT NULL,
    seen FLOAT NOT NULL,
    PRIMARY KEY (holder)
);
ALTER TABLE answers ADD COLUMN prompt_tokens INTEGER;
ALTER TABLE answers ADD COLUMN completion_tokens INTEGER;
UPDATE answers SET
    prompt_tokens = (SELECT MAX(prompt_tokens) FROM attempts WHERE attempts.key = answers.key),
    completion_tokens = (
        SELECT MAX(completion_tokens) FROM attempts WHERE attempts.key = answers.key
    )
"""


def upgrade(connection: Connection) -> None:
    """Make the tables of claims, which a crash may empty, and give answers their tokens."""
    postgresql = connection.dialect.name == "postgresql"
    kinds = {
        "unlogged": "UNLOGGED " if postgresql else "",
        "by_key": "" if postgresql else " WITHOUT ROWID",
    }
    for statement in _STATEMENTS.format(**kinds).split(";\n"):
        connection.exec_driver_sql(statement)
