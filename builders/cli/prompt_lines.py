"""A prompt as text and as JSON: what would be sent, and what was sent and answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from builders.llm.request import Request
from builders.pipeline.prompting import REPLY, FirstRequest
from builders.settings import BuildConfig


def texts(config: BuildConfig, found: Iterator[FirstRequest]) -> Iterator[str]:
    """Yield each request as text: a title, its messages as they are, the schema of the answer."""
    for number, one in enumerate(found):
        yield ("\n" if number else "") + "\n".join(_text(one, config))


def documents(config: BuildConfig, found: Iterator[FirstRequest]) -> Iterator[str]:
    """Yield the lines of one JSON object with all requests; they are never all in memory."""
    yield f'{{"corpus": {_json(config.corpus)}, "prompts": ['
    before = ""
    for one in found:
        yield before + _json(document(one, config))
        before = ","
    yield "]}"


def document(one: FirstRequest, config: BuildConfig) -> dict[str, Any]:
    """Return a request as `docs/inspecting.md` describes it."""
    request = one.request
    return {
        "id": request.record_id,
        "asks": one.asks,
        "model": request.model,
        "draft": one.draft,
        "messages": request.messages,
        "schema": request.schema.sent,
        "sampling": _sampling(request, config),
        "audio_sha256": request.audio_sha256,
        "video_sha256": request.video.sha256 if request.video else None,
        "attempt": request.attempt,
        "prompt_version": request.prompt_version,
        "request_key": one.key,
        "cached": one.cached,
        "after": list(one.before),
    }


def _sampling(request: Request, config: BuildConfig) -> dict[str, float]:
    """Return the sampling values that are sent."""
    values = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
    }
    return {name: value for name, value in values.items() if name not in config.left_out}


def _text(one: FirstRequest, config: BuildConfig) -> Iterator[str]:
    request = one.request
    draft = f" (draft {one.draft})" if one.draft > 1 else ""
    cached = "; its answer is cached" if one.cached else ""
    yield f"=== {request.record_id}: {_asks(one.asks)} of {request.model}{draft}{cached}"
    values = ", ".join(f"{name} {value}" for name, value in _sampling(request, config).items())
    yield f"{request.prompt_version}; {values}; key {one.key[:12]}"
    for name in one.before:
        yield f"without the {name} that is asked for first: what it brings is in the prompt, too"
    for message in request.messages:
        yield f"--- {message['role']}"
        yield message["content"]
    if request.audio_sha256 or request.video:
        yield f"--- with {'the video' if request.video else 'the clip'}"
    yield "--- schema of the answer"
    yield request.schema.sent_text


def _asks(name: str) -> str:
    return "a reply" if name == REPLY else f"a {name}"


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
