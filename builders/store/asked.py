"""What was asked about one sample, what was answered, and every attempt at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from builders.store.database import Answer, Store
from builders.store.messages import Prompt, read
from builders.store.tables import attempts, requests


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One attempt at a request; `at` is a Unix time, `status` that of HTTP."""

    build: str
    model: str
    endpoint: str
    outcome: str
    status: int | None
    detail: str | None
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    at: float


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A request about a sample as the store has it.

    `prompt` is None where its messages are not stored, `answer` where none came yet.
    """

    key: str
    attempt: int
    model: str
    prompt_version: str
    prompt: Prompt | None
    answer: Answer | None
    tries: Sequence[PastAttempt] = field(default_factory=tuple)

    @property
    def begins(self) -> tuple[str, ...]:
        """Return what all requests of one exchange begin with: up to the first answer in it."""
        said: list[str] = []
        for message in self.prompt.messages if self.prompt else ():
            if message["role"] == "assistant":
                break
            said.append(message["content"])
        return tuple(said)


def asked_about(store: Store, record_id: str) -> list[AskedRequest]:
    """Return all requests about a sample, of all builds of the store, the earliest first.

    Args:
        store: the store.
        record_id: the id of the sample.
    """
    columns = [attempts.c[name] for name in PastAttempt.__slots__]
    with store.translated(), store.engine.connect() as connection:
        rows = connection.execute(sa.select(requests).where(requests.c.record_id == record_id))
        found = {row.key: row for row in rows}
        tried = sa.select(attempts.c.key, *columns).where(attempts.c.key.in_([*found]))
        tries: dict[str, list[PastAttempt]] = {name: [] for name in found}
        for row in connection.execute(tried.order_by(attempts.c.number)):
            tries[row[0]].append(PastAttempt(*row[1:]))
        prompts = {name: read(connection, name) for name in found}
    answers = store.held([*found])
    asked = [
        AskedRequest(
            *(row.key, row.attempt, row.model, row.prompt_version),
            *(prompts[row.key], answers.get(row.key), tries[row.key]),
        )
        for row in found.values()
    ]
    return sorted(asked, key=_when)


def _when(one: AskedRequest) -> tuple[float, int]:
    return one.tries[0].at if one.tries else 0.0, one.attempt


def of_build(
    asked: Sequence[AskedRequest], build: str, keys: Sequence[str]
) -> tuple[list[AskedRequest], list[AskedRequest]]:
    """Return the requests of a build among those about a sample, and the others.

    A build's are those that it sent, and those that begin as a request does whose answer it has:
    answers that another build paid for are used, too.

    Args:
        asked: all about the sample.
        build: the name of the build.
        keys: of requests whose answers the build has: of the reply, and of other drafts.
    """
    begins = {(one.model, one.begins) for one in asked if one.key in keys}
    mine: list[AskedRequest] = []
    others: list[AskedRequest] = []
    for one in asked:
        sent = any(attempt.build == build for attempt in one.tries)
        used = one.key in keys or (one.prompt and (one.model, one.begins) in begins)
        (mine if sent or used else others).append(one)
    return mine, others
