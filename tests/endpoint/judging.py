"""Judges that the test endpoint plays: what each answers to the prompts of prompts/judge.

`oracle` knows the good reply to each of our decoys and of `knows`, which are [words, voice, reply].
`deaf` knows them too, but not which voice a reply answers. `random` goes by a hash of the prompt,
`always_10` and `longest` by what their names say, `first` by the place, `reference` takes what it
knows for the better reply to anything. `copies` writes the last
reply that it was shown instead of a score, `eleven` a score that is none, `silent` nothing.
"""

from __future__ import annotations

import csv
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import orjson

DECOYS = Path(__file__).parents[2] / "prompts" / "judge" / "decoys" / "en"
JUDGES = (
    *("oracle", "deaf", "random", "always_10", "longest", "first", "reference"),
    *("copies", "eleven", "silent"),
)
_WORDS = re.compile(r'^Said: "(.*)"$', re.MULTILINE)
_VOICE = re.compile(r"^How it was said, as measured: (.*)$", re.MULTILINE)
_REPLIES = re.compile(r'^Reply(?: [AB])?: "(.*)"$', re.MULTILINE)
_GOOD, _BAD, _MOST = 9, 2, 10


def judged(
    who: str, schema: dict[str, Any], body: dict[str, Any], knows: list[list[str]]
) -> str | None:
    """Return what a judge writes about a reply or two; None for any other request."""
    names = set(schema.get("properties", ()))
    if who and names == {"voice_1"}:
        return _matched(who, str(body["messages"][-1]["content"]), knows)
    if not who or names not in ({"score"}, {"a", "b"}):
        return None
    prompt = str(body["messages"][-1]["content"])
    replies = _REPLIES.findall(prompt)
    if len(replies) != len(names):
        return None  # the probe, which asks nothing
    if who in ("copies", "silent"):
        return replies[-1] if who == "copies" else " "
    scores = [_score(who, prompt, place, reply, knows) for place, reply in enumerate(replies)]
    if who == "eleven":
        return orjson.dumps(dict.fromkeys(sorted(names), "11/10")).decode()
    return orjson.dumps(dict(zip(sorted(names), scores, strict=True))).decode()


def _score(who: str, prompt: str, place: int, reply: str, knows: list[list[str]]) -> int:
    if who == "first":
        return _GOOD if place == 0 else _BAD
    if who == "reference":
        return _MOST if any(reply == known for *_, known in knows) else _BAD
    if who == "longest":
        return min(_MOST, 1 + len(reply) // 12)
    if who in ("oracle", "deaf"):
        found = _WORDS.search(prompt), _VOICE.search(prompt)
        words, voice = (match[1] if match else "" for match in found)
        good = {answer for said, answer in decoys() if said == words}
        heard = [*voice_twins(), *knows]
        good |= {r for w, v, r in heard if w == words and (who == "deaf" or v == voice)}
        return _GOOD if reply in good else _BAD
    if who == "random":
        return 1 + hashlib.blake2b(f"{place}{prompt}".encode(), digest_size=2).digest()[0] % _MOST
    return _MOST


def _matched(who: str, prompt: str, knows: list[list[str]]) -> str | None:
    """Return what a judge writes about two voices and two replies; None where none are shown."""
    replies = _REPLIES.findall(prompt)
    voice = re.search(r"^Voice 1: (.*)$", prompt, re.MULTILINE)
    words = re.search(r'^Words: "(.*)"$', prompt, re.MULTILINE)
    if len(replies) != 2 or not voice or not words:
        return None
    if who in ("copies", "silent", "eleven"):
        return {"copies": replies[-1], "silent": " ", "eleven": '{"voice_1": "11/10"}'}[who]
    fits = [_fits(words[1], voice[1], reply, knows) for reply in replies]
    guess = hashlib.blake2b(prompt.encode(), digest_size=2).digest()[0] % 2
    place = {
        "oracle": fits.index(True) if fits.count(True) == 1 else None,
        "random": guess,
        "longest": int(len(replies[1]) > len(replies[0])),
        "first": 0,
        "always_10": 0,
        "reference": 1,
    }.get(who)
    return orjson.dumps({"voice_1": "cannot_tell" if place is None else "AB"[place]}).decode()


def _fits(words: str, voice: str, reply: str, knows: list[list[str]]) -> bool:
    return [words, voice, reply] in [*voice_twins(), *knows]


@cache
def voice_twins() -> list[list[str]]:
    """Return the words, voice and fitting reply of each half of our minimal pairs."""
    return [
        [row["words"], row[f"{which}voice"], row[f"{which}reply"]]
        for row in _rows("voice_twins.tsv")
        for which in ("", "other_")
    ]


@cache
def decoys() -> list[tuple[str, str]]:
    """Return what is said in each of our situations, with the good reply to it."""
    rows = _rows("situations.tsv")
    found = [(row["words"], row["good"]) for row in rows]
    for row in _rows("twins.tsv"):
        found += [(row[f"{which}words"], row[f"{which}reply"]) for which in ("", "other_")]
    return found


def _rows(name: str) -> list[dict[str, str]]:
    lines = (DECOYS / name).read_text("utf-8").splitlines()
    told = (line for line in lines if not line.startswith("#"))
    return list(csv.DictReader(told, delimiter="\t", quoting=csv.QUOTE_NONE))
