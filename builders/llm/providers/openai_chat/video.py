"""Probing how a server takes a clip with its picture.

Servers differ in how the sound of a video reaches the model: with the video by itself (Qwen-Omni's
own service), when it is asked for (vLLM), or in a part of its own beside the picture.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256

import jsonschema_rs
import orjson

from builders.audio.video import plain
from builders.llm.failures import Failure
from builders.llm.providers.openai_chat.beeps import beeps
from builders.llm.providers.openai_chat.body import VIDEO, ChatCapabilities
from builders.llm.request import Message, NarrowedSchema, Request, VideoInput

# Sends a request as a server might understand it and returns the answer's text.
Ask = Callable[[Request, ChatCapabilities], Awaitable[str]]

_NOTHING = "nothing"
_SHOWN = "yellow"
_YELLOW = (240, 220, 20)
_SECONDS = 2.0
_TOKENS = 2000
_NOT_UNDERSTOOD = frozenset({"bad_request", "server_error", "bad_response", "wrong_address"})
_QUESTION = (
    "A video is attached to this message. Which colour fills its picture, and which sound is in "
    "it? If no picture has reached you, or no sound, say nothing for that one."
)
_COLOURS = ["red", "green", "blue", _SHOWN, "black", "white", "another", _NOTHING]
_PROPERTIES: Mapping[str, object] = {
    "picture": {"type": "string", "enum": _COLOURS},
    "sound": {"type": "string", "enum": ["beeps", "speech", "music", _NOTHING]},
}
_SCHEMA = NarrowedSchema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": [*_PROPERTIES],
        "properties": _PROPERTIES,
    }
)


async def find_video(model: str, understood: ChatCapabilities, ask: Ask) -> ChatCapabilities:
    """Return how a video is sent so that the model sees its picture and hears its sound.

    A server may take a video and leave it out, or drop its sound, so the model must name both.

    Raises:
        Failure: ``takes_no_video``, or the endpoint cannot be asked.
    """
    why = Failure("takes_no_video", "the video does not reach the model")
    asked = _question(model)
    for form in VIDEO:
        tried = replace(understood, video=form)
        try:
            text = await ask(asked.with_video(_probe_clip()), tried)
        except Failure as failure:
            if failure.kind not in _NOT_UNDERSTOOD:
                raise
            why = _better(why, Failure("takes_no_video", failure.detail, failure.status))
            continue
        sees, hears = _told(text)
        if sees and hears:
            return tried
        if sees or hears:
            came, lost = ("picture", "sound") if sees else ("sound", "picture")
            why = Failure("takes_no_video", f"the {came} reaches it, and the {lost} does not")
    if why.status is not None and why.status >= 500:
        await ask(asked, understood)  # a server that is broken just now fails this as well
    raise why


def _better(before: Failure, now: Failure) -> Failure:
    """Return the failure that says more: half of a video that came says more than a refusal."""
    return before if "reaches it" in before.detail else now


def _told(text: str) -> tuple[bool, bool]:
    """Return whether an answer names the picture, and whether a sound."""
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False, False
    if not jsonschema_rs.is_valid(_SCHEMA.document, answer):
        return False, False
    return answer["picture"] == _SHOWN, answer["sound"] != _NOTHING


def _question(model: str) -> Request:
    asked: Message = {"role": "user", "content": _QUESTION}
    return Request(model, (asked,), _SCHEMA, None, 0.0, 1.0, _TOKENS, 0, "probe", 0)


@cache
def _probe_clip() -> VideoInput:
    """Return two seconds of a yellow picture with beeps."""
    sound = beeps(_SECONDS)
    mp4 = plain(_YELLOW, _SECONDS, sound.flac)
    return VideoInput(lambda: mp4, sha256(mp4).hexdigest(), _SECONDS, sound)
