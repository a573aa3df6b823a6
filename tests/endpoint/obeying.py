"""Drafters that obey one part of the prompt, and a judge who knows what a voice makes them say.

`obeys` is ``label``, ``voice``, ``both`` or ``nothing``: the words of the reply follow from that
part alone; those of ``nothing`` from the seed of the request. The judge of ``knows_voices`` matches
the replies that a drafter who obeys the voice gives to the voices it is shown.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from endpoint.answers import answer, text_of_reply
from endpoint.clips import text_of
from endpoint.judging import voice_twins

_LABEL = re.compile(r"^Emotion of [^:\n]*: ([^(\n]*)", re.MULTILINE)
_VOICE = re.compile(r"^Voice of [^:\n]*: (.*)$", re.MULTILINE)
_SHOWN = re.compile(
    r"^Voice 1: (.*)$.*^Voice 2: (.*)$.*^Reply A: \"(.*)\"$.*^Reply B: \"(.*)\"$", re.M | re.S
)
_QUESTIONS = {"inquiry", "clarification", "open_ended_questioning"}


def obedient(schema: dict[str, Any], body: dict[str, Any], obeys: str) -> dict[str, Any] | None:
    """Return the reply of such a drafter; None where no reply is asked for."""
    properties = schema.get("properties", {})
    if "strategies" not in properties or "text" not in properties:
        return None
    asked = next(m for m in body["messages"] if m["role"] == "user")
    # Cases of others come before; the last label and voice are those of the target.
    prompt = text_of(asked)
    parts = {
        "label": (_LABEL.findall(prompt) or [""])[-1].strip(),
        "voice": (_VOICE.findall(prompt.rpartition("Now the one to answer.")[2]) or [""])[-1],
    }
    parts |= {"both": f"{parts['label']}|{parts['voice']}", "nothing": str(body.get("seed"))}
    found = answer(schema, parts[obeys])
    allowed = properties["strategies"]["items"]["enum"]
    found["strategies"] = [next((s for s in allowed if s not in _QUESTIONS), allowed[0])]
    return found | {"text": said_to(parts[obeys])}


def said_to(part: str) -> str:
    """Return what is said to what a drafter obeys."""
    return text_of_reply(hashlib.blake2b(part.encode(), digest_size=8).digest())


def matched(schema: dict[str, Any], body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the judge's answer; None where nothing is to be matched."""
    if "voice_1" not in schema.get("properties", {}):
        return None
    shown = _SHOWN.search("\n".join(text_of(message) for message in body["messages"]))
    if shown is None:
        return None
    first, _, reply_a, reply_b = shown.groups()
    own = {said_to(first), *(reply for _, voice, reply in voice_twins() if voice == first)}
    fits = [name for name, reply in (("A", reply_a), ("B", reply_b)) if reply in own]
    return {"voice_1": fits[0] if len(fits) == 1 else "cannot_tell"}
