"""The body of a request: four modes of structured output, forms of a clip, what is refused.

A server's capabilities are probed once and remembered; they are not part of a request's key.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from builders.audio.clip_format import as_wav
from builders.llm import prompts
from builders.llm.providers import Capabilities
from builders.llm.request import AudioInput, NarrowedSchema, Request, VideoInput

# In this order they are tried: the strictest first.
MODES = ("json_schema", "json_object", "tool", "prompt")
# So is a clip sent.
AUDIO = ("input_audio", "audio_url")
# And one with its picture: the video alone, its sound asked for, or its sound beside it.
VIDEO = ("video_url", "use_audio_in_video", "video_url+input_audio", "video_url+audio_url")
# What the most tokens of an answer are called.
LIMITS = ("max_tokens", "max_completion_tokens")
_NAME = "reply"
SAMPLING = ("temperature", "top_p", "seed")
# A limit may also be complained about because it is too large; its name is understood then.
_TOO_LARGE = ("too large", "too high", "at most", "less than", "exceed", "maximum of")
# Of two that exclude each other, the later one in `SAMPLING` matters less.
_EITHER = "both"

Messages = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class ChatCapabilities(Capabilities):
    """What one server understands of a chat request.

    Attributes:
        mode: its structured-output mode, one of `MODES`.
        limit: the name it has for the most tokens of an answer.
        without: the sampling values it refuses.
        audio: one of `AUDIO` once it was sent a clip.
        video: one of `VIDEO` once it was sent a clip with its picture.
    """

    stored_as: ClassVar[Mapping[str, str]] = {"mode": "dialect"}
    where_known: ClassVar[tuple[str, ...]] = ("video",)

    mode: str = MODES[0]
    limit: str = LIMITS[0]
    without: tuple[str, ...] = ()
    audio: str | None = None
    video: str | None = None

    def adapted(self, complaint: str, named: str | None = None) -> ChatCapabilities | None:
        """Return what is left when a complaint names a field that is sent, or None.

        Args:
            complaint: what the server said, in whatever words.
            named: the field of which its error says that it is about it.
        """
        sent = [name for name in SAMPLING if name not in self.without]
        found = sorted((at, name) for name in sent if (at := _named(name, complaint)) is not None)
        refused = [name for _, name in found]
        if named in sent:
            refused = [named]
        elif _EITHER in complaint.lower():
            refused.sort(key=SAMPLING.index, reverse=True)
        limited = named == self.limit or _named(self.limit, complaint) is not None
        if limited and self.limit == LIMITS[0] and not _is_too_large(complaint):
            return replace(self, limit=LIMITS[1])
        return replace(self, without=(*self.without, refused[0])) if refused else None


def _named(name: str, complaint: str) -> int | None:
    """Return where a complaint names a field, in whatever quotes."""
    found = re.search(rf"(?<![a-z_]){name}(?![a-z_])", complaint, re.IGNORECASE)
    return found.start() if found else None


def _is_too_large(complaint: str) -> bool:
    said = complaint.lower()
    return any(words in said for words in _TOO_LARGE)


def body(request: Request, capabilities: ChatCapabilities) -> dict[str, object]:
    """Return the body of a chat completion request; a clip becomes WAV here and nowhere else."""
    messages: Messages = request.messages
    if request.audio:
        part = _sound_part(request.audio, capabilities.audio or AUDIO[0])
        messages = _with_parts(messages, [part])
    form = capabilities.video or VIDEO[0]
    if request.video:
        messages = _with_parts(messages, _video_parts(request.video, form))
    sampling = {
        name: getattr(request, name) for name in SAMPLING if name not in capabilities.without
    }
    return {
        "model": request.model,
        "messages": messages,
        **sampling,
        capabilities.limit: request.max_tokens,
        **(_ASKS_FOR_SOUND if request.video and form == VIDEO[1] else {}),
        **_FORMS[capabilities.mode](request.schema, messages),
    }


# What vLLM gives to the processor of a model that sees and hears.
_ASKS_FOR_SOUND = {"mm_processor_kwargs": {"use_audio_in_video": True}}


def _sound_part(audio: AudioInput, form: str) -> dict[str, object]:
    data = b64encode(as_wav(audio.flac)).decode()
    if form == "input_audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    return {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{data}"}}


def _video_parts(video: VideoInput, form: str) -> list[dict[str, object]]:
    url = f"data:video/mp4;base64,{b64encode(video.read()).decode()}"
    shown: dict[str, object] = {"type": "video_url", "video_url": {"url": url}}
    _, beside, sound = form.partition("+")
    return [shown, _sound_part(video.sound, sound)] if beside else [shown]


def _with_parts(messages: Messages, clips: list[dict[str, object]]) -> Messages:
    """Return the messages with clips in the first that the user says."""
    at = next(n for n, message in enumerate(messages) if message["role"] == "user")
    said = messages[at]
    parts = [*clips, {"type": "text", "text": said["content"]}]
    return (*messages[:at], {**said, "content": parts}, *messages[at + 1 :])


def _json_schema(schema: NarrowedSchema, _: Messages) -> dict[str, object]:
    form = {"name": _NAME, "schema": schema.sent, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _json_object(schema: NarrowedSchema, _: Messages) -> dict[str, object]:
    return {"response_format": {"type": "json_object", "schema": schema.sent}}


def _tool(schema: NarrowedSchema, _: Messages) -> dict[str, object]:
    function = {"name": _NAME, "parameters": schema.sent}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": _NAME}},
    }


def _prompt(schema: NarrowedSchema, messages: Messages) -> dict[str, object]:
    form = prompts.load("dialect/schema.j2").render(schema=schema.sent_text)
    first, *rest = messages
    if first["role"] == "system":
        first = {**first, "content": f"{first['content']}\n\n{form}"}
        return {"messages": [first, *rest]}
    return {"messages": [{"role": "system", "content": form}, first, *rest]}


_FORMS: Mapping[str, Callable[[NarrowedSchema, Messages], dict[str, object]]] = {
    "json_schema": _json_schema,
    "json_object": _json_object,
    "tool": _tool,
    "prompt": _prompt,
}
