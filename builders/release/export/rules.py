"""The trainers' rules: a row that breaks one would be dropped, or would train nonsense."""

from __future__ import annotations

import math

from builders.release.export.choosing import LeftOut
from builders.release.export.examples import Example
from builders.release.export.format_table import Facts, Profile
from builders.release.export.options import Options

# Tokens that a chat template adds around a message and a clip.
_AROUND_MESSAGE = 8
_AROUND_CLIP = 2


def broken(example: Example, options: Options) -> LeftOut | None:
    """Return the first rule that an example breaks, or None."""
    return (
        _clips(example, options)
        or _texts(example, options.facts)
        or _answers(example)
        or (_lengths(example, options.model) if options.model else None)
    )


def tokens(example: Example, profile: Profile) -> int:
    """Return the maximum number of tokens of an example for a model.

    Clips are counted exactly. Text is counted by its UTF-8 bytes, which no byte-level tokenizer
    exceeds, so no tokenizer is needed.
    """
    texts = [message["content"] for message in example.messages]
    sounds = [*example.sounds, *([example.spoken_reply] if example.spoken_reply else [])]
    heard = sum(_AROUND_CLIP + math.ceil(s.seconds * profile.tokens_per_second) for s in sounds)
    return heard + sum(_AROUND_MESSAGE + len(text.encode()) for text in texts)


def _clips(example: Example, options: Options) -> LeftOut | None:
    if options.facts.needs_audio and not example.sounds:
        return LeftOut("no_audio", f"{options.format} needs a clip, and the record has none")
    if options.reply_audio and example.spoken_reply is None:
        return LeftOut("no_reply_audio", "the reply has no audio")
    silent = [sound.path for sound in example.sounds if not sound.flac]
    return LeftOut("clip_missing", f"{silent[0]} has no audio bytes") if silent else None


def _texts(example: Example, facts: Facts) -> LeftOut | None:
    if not all(message["content"].strip() for message in example.messages):
        return LeftOut("empty_turn", "a turn has no words")
    texts = [message["content"] for message in example.messages]
    if example.rejected is not None:
        texts.append(example.rejected)
    for word in facts.reserved:
        if any(word in text for text in texts):
            return LeftOut(
                "reserved_words", f"a text contains {word}, which the trainer treats as markup"
            )
    marks = sum(text.count(facts.mark) for text in texts) if facts.mark else len(example.sounds)
    if marks != len(example.sounds):
        return LeftOut(
            "marks_differ", f"{marks} audio placeholders for {len(example.sounds)} clips"
        )
    return None


def _answers(example: Example) -> LeftOut | None:
    if example.rejected is not None and example.rejected.strip() == example.reply.strip():
        return LeftOut("same_answers", "the rejected reply is identical to the chosen one")
    return None


def _lengths(example: Example, profile: Profile) -> LeftOut | None:
    longest = max((sound.seconds for sound in example.sounds), default=0.0)
    if longest > profile.seconds:
        return LeftOut(
            "clip_too_long",
            f"a clip lasts {longest:.1f} s; the model takes up to {profile.seconds:g} s",
        )
    if (count := tokens(example, profile)) > profile.tokens:
        return LeftOut(
            "too_many_tokens", f"up to {count:,} tokens; the model takes {profile.tokens:,}"
        )
    return None
