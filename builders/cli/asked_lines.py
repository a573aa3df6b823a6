"""What was asked about a sample of a build and what was answered, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.record.views import RejectRow, SampleRecord
from builders.store.address import store_exists
from builders.store.asked import AskedRequest, PastAttempt, asked_about, of_build
from builders.store.database import Store


@dataclass(frozen=True, slots=True)
class SampleRequests:
    """The requests of a build about one sample, which became a record or a reject.

    `others` are requests of other builds about the same sample, `keys` of requests whose answer is
    the reply or another draft.
    """

    build: Build
    outcome: SampleRecord | RejectRow
    keys: Sequence[str]
    requests: Sequence[AskedRequest]
    others: Sequence[AskedRequest]

    @property
    def reject(self) -> str | None:
        """Return why there is no sample; None where there is one."""
        if "reason" not in self.outcome:
            return None
        return f"{self.outcome['reason']}: {self.outcome['detail']}"  # type: ignore[typeddict-item]


def asked(build: Build, outcome: SampleRecord | RejectRow, address: str) -> SampleRequests:
    """Return what a build asked about a sample or a reject.

    Args:
        build: the build.
        outcome: what became of it.
        address: that of the store.

    Raises:
        ConfigError: there is no store, or nothing about the sample in it.
    """
    if not store_exists(address):
        raise ConfigError(
            f"there is no store {address}",
            expected="the database beside the build, which holds what was asked",
            do="name it with --store; `hearten prompt --corpus` needs none",
        )
    keys = _keys(outcome)
    with closing(Store(address, writes=False)) as store:
        found = asked_about(store, outcome["id"])
        mine, others = of_build(found, build.name, keys)
    if not mine:
        raise ConfigError(
            f"no request of {build.name} about {outcome['id']} is stored",
            where=address,
            do="phrasebook replies are not asked for; name another store with --store",
        )
    return SampleRequests(build, outcome, keys, mine, others)


def _keys(outcome: SampleRecord | RejectRow) -> list[str]:
    drafting = outcome.get("drafting")
    if not isinstance(drafting, dict):
        return []
    other = [one["request_key"] for one in drafting["candidates"] or ()]
    return [key for key in (drafting["request_key"], *other) if key]


def document(found: SampleRequests) -> str:
    """Return it as one JSON object; `docs/inspecting.md` describes it."""
    told = {
        "folder": str(found.build.folder),
        "id": found.outcome["id"],
        "rejected": found.reject,
        "requests": [_document(one, found) for one in found.requests],
        "requests_of_others": len(found.others),
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _document(one: AskedRequest, found: SampleRequests) -> dict[str, Any]:
    answer = one.answer
    return {
        "request_key": one.key,
        "model": one.model,
        "attempt": one.attempt,
        "prompt_version": one.prompt_version,
        "is_reply": one.key in found.keys[:1],
        "messages": one.prompt.messages if one.prompt else None,
        "audio_sha256": one.prompt.audio_sha256 if one.prompt else None,
        "answer": answer and {"outcome": answer.outcome, "text": answer.text},
        "attempts": [asdict(attempt) for attempt in one.tries],
    }


def texts(found: SampleRequests) -> Iterator[str]:
    """Yield it as text: each request once, and of a correction only what is new in it."""
    yield f"{found.outcome['id']} in {found.build.folder}"
    if found.reject:
        yield f"rejected: {found.reject}"
    shown: set[tuple[str, str]] = set()
    for number, one in enumerate(found.requests, 1):
        yield "\n" + "\n".join(_text(number, one, found, shown))
    if found.others:
        names = sorted({attempt.build for one in found.others for attempt in one.tries})
        told = f", by {', '.join(names)}" if names else ""
        yield f"\n{len(found.others)} more requests about it{told}"


def _text(
    number: int, one: AskedRequest, found: SampleRequests, shown: set[tuple[str, str]]
) -> Iterator[str]:
    taken = "; its answer is the reply" if one.key in found.keys[:1] else ""
    yield f"=== request {number}, to {one.model}{taken}"
    yield f"{one.prompt_version}; attempt {one.attempt}; key {one.key[:12]}"
    if one.prompt is None:
        yield "its messages are not stored"
    before = 0
    for message in one.prompt.messages if one.prompt else ():
        said = message["role"], message["content"]
        if said in shown:
            before += 1
            continue
        if before:
            yield f"--- ({before} messages as above)"
            before = 0
        shown.add(said)
        yield f"--- {said[0]}"
        yield said[1]
    if before:
        yield f"--- ({before} messages as above)"
    for attempt in one.tries:
        yield f"--- {_attempt(attempt)}"
    if one.answer:
        yield "--- answer" + ("" if one.answer.outcome == "ok" else f" ({one.answer.outcome})")
        yield one.answer.text


def _attempt(one: PastAttempt) -> str:
    """Return one attempt in a line: when, where, how it ended, what it took."""
    when = f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    status = f" {one.status}" if one.status else ""
    detail = f" ({' '.join(one.detail.split())})" if one.detail else ""
    took = f", {one.seconds:.1f} s" if one.seconds is not None else ""
    tokens = (one.prompt_tokens or 0) + (one.completion_tokens or 0)
    used = f", {tokens:,} tokens" if tokens else ""
    return f"{when} by {one.build} at {one.endpoint}: {one.outcome}{status}{detail}{took}{used}"
