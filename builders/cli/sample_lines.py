"""A sample in a few lines, as a person would tell it: who said what, how it sounded, the reply."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator

from builders.record.messages import speaker_name
from builders.record.views import ContextTurn, EmotionsPart, RejectRow, SampleRecord

_LEFT = 13
_WIDEST = 100
# Said of a voice in whole looks only: what it was compared with.
_AGAINST = " ("


def width() -> int:
    """Return how many columns a line may have: those of the terminal, 80 where there is none."""
    return min(shutil.get_terminal_size().columns, _WIDEST)


def sample_lines(record: SampleRecord, columns: int, *, whole: bool = False) -> Iterator[str]:
    """Yield a sample as lines of at most so many columns.

    Args:
        record: without its clip.
        columns: how wide a line may be.
        whole: every earlier turn and all of each text; else the last turn alone, on one line.
    """
    yield from textwrap.wrap(title(record), columns, subsequent_indent="  ")
    for name, text in said_rows(record, whole):
        if name in ("before", "scene") and not whole:
            text = _cut(text, columns - _LEFT)
        yield from _row(name, text, columns)


def reject_lines(reject: RejectRow, columns: int, *, whole: bool = False) -> Iterator[str]:
    """Yield what did not become a sample, why, and what was read; see `sample_lines`."""
    yield f"{reject['id']} ({reject['split']}, rejected: {reject['reason']})"
    yield from _row("why", reject["detail"], columns)
    read = _read(reject["raw"])
    yield from _row("read", read if whole else _cut(read, columns - _LEFT), columns)


def _read(raw: str) -> str:
    """Return what was read, as `rejected.parquet` has it, without the signs of JSON."""
    found: object = json.loads(raw)
    if not isinstance(found, dict):
        return str(found)
    if [*found] == ["row"]:
        return str(found["row"])
    return ", ".join(f"{name}: {value}" for name, value in found.items())


def title(record: SampleRecord) -> str:
    """Return the id, the split, and what is to be known of the clip."""
    info = record["audio_info"]
    facts = [record["source"]["split"]]
    facts.append("no audio" if info["duration"] is None else f"{info['duration']:.1f} s")
    if info["origin"] not in ("none", "natural"):
        facts.append(f"{info['origin']} speech")
    flags = [finding["code"] for finding in info["findings"]]
    if flags := [*flags, *(record["target_utterance"]["flags"] or ())]:
        facts.append(f"flags: {', '.join(flags)}")
    if record["review"]:
        facts.append(f"review: {record['review']['status']}")
    return f"{record['id']} ({', '.join(facts)})"


def said_rows(record: SampleRecord, whole: bool) -> Iterator[tuple[str, str]]:
    """Yield what a sample says, each with the word that stands before it; see `sample_lines`."""
    before, background = record["text_context"], record["background"]
    if background and (whole or not before):
        yield background["origin"], background["text"]
    named = record["source"]["context"] == "dialogue"
    for number, turn in enumerate(before if whole else before[-1:]):
        yield "before" if not number else "", _said(turn, named)
    target = record["target_utterance"]
    speaker = speaker_name(target["speaker"]["id"], "user")
    yield "says", f"{speaker}: {target['text']}" if named else target["text"]
    yield from _voice(record, whole)
    yield "emotion", _emotion(record, target["emotions"])
    reply = record["desired_response"]
    yield "reply", reply["text"]
    yield "strategies", ", then ".join(_plain(one) for one in reply["strategies"])
    if whole and record["checks"] and record["checks"]["results"]:
        yield (
            "checks",
            "; ".join(one["detail"] or one["code"] for one in record["checks"]["results"]),
        )
    if whole and record["reference_response"]:
        after = record["reference_response"]
        yield "next turn", f"{speaker_name(after['speaker'], 'other')}: {after['text']}"
    if whole:
        yield "drafted by", record["drafting"]["model"]


def _voice(record: SampleRecord, whole: bool) -> Iterator[tuple[str, str]]:
    voice = record["voice"]
    if voice and voice["words"]:
        yield "sounds", voice["words"] if whole else voice["words"].partition(_AGAINST)[0]
    if voice and voice["caption"]:
        yield "caption", voice["caption"]


def _said(turn: ContextTurn, named: bool) -> str:
    return (
        f"{speaker_name(turn['speaker'], turn['role'])}: {turn['text']}" if named else turn["text"]
    )


def _emotion(record: SampleRecord, emotions: EmotionsPart) -> str:
    """Return the label, what it lies under, other readings, and how far annotators agree."""
    primary, root = emotions["primary"], emotions["root"]
    text = primary if root in (primary, "unknown") else f"{primary} (a kind of {root})"
    if emotions["alternatives"]:
        text += f", or {' or '.join(emotions['alternatives'])}"
    agreement = record["annotation"]["agreement"]
    return text if agreement is None else f"{text}; {agreement:.0%} of the annotators agree"


def _row(name: str, text: str, columns: int) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()) or "(empty)",
        columns,
        initial_indent=f"  {name.ljust(_LEFT - 2)}",
        subsequent_indent=" " * _LEFT,
    )


def _cut(text: str, columns: int) -> str:
    return textwrap.shorten(text, columns, placeholder=" …")


def _plain(name: str) -> str:
    return name.replace("_", " ")
