"""A record as chat messages: the prompt for the trained model, and the reply it learns.

One record is one exchange. All earlier turns, whoever spoke them, and the target utterance make the
single user turn; the reply is the single assistant turn (`conversation` has the turns of two
parties as turns):

    Scene: Two friends wait for the ferry.
    Earlier: Monica: Did you ask? / Chandler: Nobody knows.
    Now: Monica: <audio>
    Listen to the speaker and answer with care.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from hashlib import sha256
from itertools import groupby

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.record.background import sayable
from builders.record.views import ContextTurn, SampleRecord

AUDIO_MARK = "<audio>"
# Speaker names for corpora without names, or with codes such as Ses01_F or 386.
# What a background is called by its origin; see `sayable` for what nobody is told.
_TOLD = {
    "scene": "Scene",
    "scenario": "Scene",
    "situation": "What the speaker wrote before",
    "summary": "Before this",
}
_UNNAMED = {"user": "Speaker", "assistant": "Assistant", "other": "Other"}
_CODE = re.compile(r"\w*\d\w*")


def messages(
    record: SampleRecord,
    *,
    instruction: str | None,
    system: str | None,
    mark: str | None = AUDIO_MARK,
    heard: Collection[str] = (),
    voice_words: bool = False,
) -> list[dict[str, str]]:
    """Return a record as messages with a role and content: system if given, user, assistant.

    Args:
        record: a sample; only its words are used, and whether it has audio.
        instruction: the last line of the user turn, or None.
        system: the system turn, or None for none.
        mark: the placeholder for a clip if the record has audio; None inserts the transcript.
        heard: ids of earlier turns that get the placeholder too.
        voice_words: put `voice.words` after the utterance, in brackets.
    """
    shown = [{"role": "system", "content": system}] if system else []
    shown.append({"role": "user", "content": _user_turn(record, mark, heard, voice_words)})
    if instruction:
        shown[-1]["content"] += f"\n{instruction}"
    return [*shown, {"role": "assistant", "content": record["desired_response"]["text"]}]


def conversation(
    record: SampleRecord,
    *,
    instruction: str | None,
    mark: str | None = AUDIO_MARK,
    two_parties: bool = False,
) -> list[dict[str, str]]:
    """Return what is said before the reply, from a user turn to a user turn.

    Where two parties alternate, each turn of theirs is a turn; else all is one, as in `messages`.

    Args:
        record: a sample.
        instruction: the last line of the last turn, or None.
        mark: the placeholder for the utterance's clip; None inserts the words.
        two_parties: whether each dialogue of the corpus is one between two people.
    """
    if not _alternates(record, two_parties):
        return messages(record, instruction=instruction, system=None, mark=mark)[:-1]
    now = mark if mark and record["audio"] else _line(record["target_utterance"]["text"])
    said = [(turn["role"] == "user", turn) for turn in record["text_context"]]
    first = next((n for n, (is_user, _) in enumerate(said) if is_user), len(said))
    opening = _background(record)
    if before := [_said(turn, None, True) for _, turn in said[:first]]:
        opening.append(f"Earlier: {' / '.join(before)}")
    found = [("user", line) for line in opening]
    found += [("user" if is_user else "assistant", _line(t["text"])) for is_user, t in said[first:]]
    found += [("user", now)] + ([("user", instruction)] if instruction else [])
    return [
        {"role": role, "content": "\n".join(line for _, line in lines)}
        for role, lines in groupby(found, key=lambda pair: pair[0])
    ]


def _alternates(record: SampleRecord, two_parties: bool) -> bool:
    """Return whether the earlier turns are those of the speaker and one other party."""
    roles = {turn["role"] for turn in record["text_context"]}
    if record["source"]["context"] != "dialogue" or not roles:
        return False
    return "other" not in roles or (two_parties and "assistant" not in roles)


def instruction(sample_id: str, *, spoken: bool) -> str:
    """Return the instruction of a sample, chosen by the hash of its id among the wordings.

    Args:
        sample_id: the record's id; the same one always gets the same wording.
        spoken: whether the speaker is heard (`spoken.tsv`) or read (`written.tsv`).
    """
    known = instructions("spoken" if spoken else "written")
    return known[int.from_bytes(sha256(sample_id.encode()).digest()[:8]) % len(known)]


@cache
def instructions(form: str) -> tuple[str, ...]:
    """Return the wordings of ``prompts/instructions/<form>.tsv``.

    Raises:
        LabelError: the table has no column ``text``, no row, or an empty or repeated wording.
    """
    path = resources.prompts() / "instructions" / f"{form}.tsv"
    texts = tuple(row.text("text") for row in read_rows(path, ("text",), key=("text",)))
    if not texts:
        raise LabelError("no rows", where=path, expected="one wording per line", do="add one")
    return texts


def _user_turn(
    record: SampleRecord, mark: str | None, heard: Collection[str], voice_words: bool
) -> str:
    lines = _background(record)
    now = mark if mark and record["audio"] else _line(record["target_utterance"]["text"])
    if voice_words and record["voice"] and record["voice"]["words"]:
        now += f" ({record['voice']['words']})"
    turns = record["text_context"]
    if turns:
        # Earlier segments of a monologue are not a dialogue, and their ids are not names.
        named = record["source"]["context"] == "dialogue"
        earlier = (_said(turn, mark if turn["id"] in heard else None, named) for turn in turns)
        lines.append(f"Earlier: {' / '.join(earlier)}")
        speaker = speaker_name(record["target_utterance"]["speaker"]["id"], "user")
        now = f"Now: {speaker}: {now}" if named else f"Now: {now}"
    return "\n".join([*lines, now])


def _background(record: SampleRecord) -> list[str]:
    """Return what is told of the time before the dialogue, as a line; none if nothing is."""
    background = record["background"]
    told = sayable(background["text"], background["origin"]) if background else None
    return [f"{_TOLD[background['origin']]}: {_line(told)}"] if background and told else []


def _said(turn: ContextTurn, mark: str | None, named: bool) -> str:
    words = mark or _line(turn["text"])
    return f"{speaker_name(turn['speaker'], turn['role'])}: {words}" if named else words


def speaker_name(speaker: str | None, role: str) -> str:
    """Return what a turn's speaker is called: the name, or a word for the role behind a code."""
    return _UNNAMED[role] if speaker is None or _CODE.fullmatch(speaker) else _line(speaker)


def _line(text: str) -> str:
    """Return a text on one line, so that a corpus cannot start a line of ours."""
    return " ".join(text.split())
