"""Probing: small requests whose answers show what an endpoint understands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache

import jsonschema_rs
import numpy as np
import orjson

from builders.audio.decode import as_flac, pcm_digest
from builders.audio.resampling import RATE
from builders.llm.failures import Failure
from builders.llm.providers.openai_chat.body import AUDIO, MODES, ChatCapabilities
from builders.llm.request import AudioInput, Message, NarrowedSchema, Request

# Sends a request as an endpoint might understand it and returns the answer's text.
Send = Callable[[Request, ChatCapabilities], Awaitable[str]]

# How servers answer to a form that they do not know.
NOT_UNDERSTOOD = frozenset({"bad_request", "server_error", "bad_response", "wrong_address"})
# Enough for a model that thinks first; the answer itself takes twenty.
_TOKENS = 2000
_NOTHING = "nothing"
_COLOUR = {
    "colour": {"type": "string", "enum": ["red", "green"]},
    "words": {"type": "array", "items": {"type": "string", "enum": ["one", "two"]}},
}
_SOUND = {"sound": {"type": "string", "enum": ["beeps", "speech", "music", _NOTHING]}}


async def find_mode(model: str, send: Send, hears: bool = False) -> ChatCapabilities:
    """Return the first mode in which an answer fits its schema, else that of the prompt alone.

    Some models that hear refuse every request without a clip; with `hears` they are sent one.

    Raises:
        Failure: the endpoint cannot be asked, or refuses all of them.
    """
    asked = _question(model, "Choose a colour and at least one word.", _COLOUR)
    try:
        return await _first_that_fits(asked, ChatCapabilities(), send)
    except Failure as failure:
        if not hears or failure.kind != "bad_request":
            raise
        refused = failure
    for audio in AUDIO:
        try:
            found = await _first_that_fits(
                asked.with_audio(_beeps()), ChatCapabilities(audio=audio), send
            )
        except Failure as failure:
            if failure.kind not in NOT_UNDERSTOOD:
                raise
        else:
            return replace(found, audio=None)
    raise refused


async def _first_that_fits(
    asked: Request, understood: ChatCapabilities, send: Send
) -> ChatCapabilities:
    refused: Failure | None = None
    for mode in MODES:
        understood = replace(understood, mode=mode)
        while True:
            try:
                text = await send(asked, understood)
            except Failure as failure:
                if changed := adapted(understood, failure):
                    understood = changed
                    continue
                if failure.kind not in NOT_UNDERSTOOD:
                    raise
                refused = failure
            else:
                refused = None
                if _fits(asked, text):
                    return understood
            break
    if refused is not None and refused.kind == "bad_response":
        raise Failure("wrong_address", refused.detail, refused.status, do=refused.do)
    if refused is not None:
        raise refused
    return understood


async def find_audio(model: str, understood: ChatCapabilities, send: Send) -> ChatCapabilities:
    """Return how a clip is sent so that the model hears it.

    A server may take a clip and leave it out, so the model must say that it hears one.

    Raises:
        Failure: ``takes_no_audio``, or the endpoint cannot be asked.
    """
    text = "Which sound is in the clip of this message? If no clip has reached you, say nothing."
    asked = _question(model, text, _SOUND)
    why = Failure("takes_no_audio", "the clip does not reach the model")
    for audio in AUDIO:
        tried = replace(understood, audio=audio)
        try:
            text = await send(asked.with_audio(_beeps()), tried)
        except Failure as failure:
            if failure.kind not in NOT_UNDERSTOOD:
                raise
            why = Failure("takes_no_audio", failure.detail, failure.status)
        else:
            if _fits(asked, text) and _NOTHING not in text:
                return tried
    if why.status is not None and why.status >= 500:
        await send(asked, understood)  # a server that is broken just now fails this as well
    raise why


def adapted(understood: ChatCapabilities, failure: Failure) -> ChatCapabilities | None:
    """Return what is left when a failure refuses a field by name, or None."""
    return understood.adapted(failure.detail) if failure.kind == "bad_request" else None


def _question(model: str, text: str, properties: Mapping[str, object]) -> Request:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": [*properties],
        "properties": properties,
    }
    asked: Message = {"role": "user", "content": text}
    return Request(model, (asked,), NarrowedSchema(schema), None, 0.0, 1.0, _TOKENS, 0, "probe", 0)


@cache
def _beeps() -> AudioInput:
    """Return a second of sound: three beeps."""
    time = np.arange(RATE) / RATE
    wave = np.sin(2 * np.pi * 880 * time) * (time % (1 / 3) < 1 / 6)
    pcm = (wave * 8000).astype(np.int16)
    return AudioInput(as_flac(pcm), pcm_digest(pcm), 1.0)


def _fits(asked: Request, text: str) -> bool:
    try:
        return bool(jsonschema_rs.validator_for(asked.schema.document).is_valid(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return False
