"""Invented utterances, dialogues, targets and records, for tests that need one of each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import soundfile

from builders.corpora.reading import Defects
from builders.labels.aggregation import load_labelling
from builders.pipeline.stream import Corpus
from builders.record.sample import Origin, assemble
from builders.record.types import (
    Clip,
    Dialogue,
    Drafted,
    Emotions,
    Reject,
    Target,
    Utterance,
    sample_id,
)

HAPPY = Emotions("happiness", "happiness", "positive", "medium")
SAD = Emotions("sadness", "sadness", "negative", "low")

ORIGIN = Origin(
    corpus="meld",
    corpus_version="invented",
    language="en",
    label_source="audio_visual",
    audio_origin="acted",
    context="dialogue",
    evaluation_overlap={"test": ["a_benchmark"]},
    rights={
        "licence": "CC-BY-4.0",
        "audio": "no",
        "text": "yes",
        "labels": "yes",
        "derived": "unknown",
    },
    mapping_version="1.0.0+abc",
    provider="phrasebook",
    model="phrasebook-1",
    prompt_version="draft 1+abc",
)


def utterance(number: int, *, dialogue: str = "1", split: str = "dev", **fields: Any) -> Utterance:
    """Return utterance `number` of a dialogue; `fields` replace what is invented."""
    invented = {
        "dialogue": dialogue,
        "utterance": str(number),
        "order": number,
        "speaker": "Mira" if number % 2 else "Jon",
        "text": f"The boat left at {number} and nobody waved.",
        "label": "joy",
        "id": sample_id("meld", split, dialogue, str(number)),
    }
    return Utterance(**{**invented, **fields})


def target(number: int, emotions: Emotions = HAPPY, **fields: Any) -> Target:
    """Return a target without context; `fields` replace what is invented."""
    invented = {
        "split": "dev",
        "utterance": utterance(number),
        "background": None,
        "background_origin": None,
        "turns": [],
        "reference": None,
    }
    return Target(emotions=emotions, **{**invented, **fields})


def reply(**fields: Any) -> dict[str, Any]:
    """Return a reply to a happy speaker that every check accepts."""
    invented = {
        "text": "What a lovely surprise, and well earned after all that rowing!",
        "emotion": "happiness",
        "strategies": ["celebration"],
        "awareness": {"act": "celebrates", "emotions": ["happiness"]},
    }
    return {**invented, **fields}


def answer_text(**fields: Any) -> str:
    """Return `reply` as a model would write it."""
    return orjson.dumps(reply(**fields)).decode()


def flac(seconds: float, seed: int = 0) -> bytes:
    """Return noise as 16 kHz mono FLAC, which hardly gets smaller than its samples."""
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * 16000))
    stream = io.BytesIO()
    soundfile.write(stream, noise, 16000, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def clip(seconds: float = 0.2) -> Clip:
    """Return a clip of noise."""
    samples = int(seconds * 16000)
    return Clip(flac(seconds), "a" * 64, samples, seconds, "dev/dia1_utt1.mp4", "b" * 64)


def record(number: int = 1, heard: Clip | None = None) -> dict[str, Any]:
    """Return a valid sample as a build makes it."""
    return assemble(target(number, clip=heard), Drafted(reply(), [], "c" * 64, 1), ORIGIN)


def full_record() -> dict[str, Any]:
    """Return a valid sample in which no field is null and no list is empty."""
    sample = record(heard=clip())
    vote = {"rater": "r1", "label": "joy", "count": 2}
    synthesis = {
        **{"engine": "an engine", "voice": "a voice", "style": "warm", "seed": 1},
        **{"word_error_rate": 0.125, "sha256_pcm": "d" * 64},
    }
    finding = {"code": "duration_mismatch", "value": 0.4, "detail": "longer than its times say"}
    sample["audio_info"] |= {"start": 0.0, "end": 0.2, "synthesis": synthesis}
    sample["audio_info"]["findings"] = [finding]
    sample["audio_info"] |= {
        "speech": {"by": "vad", "share": 0.75, "start": 0.05, "end": 0.2},
        "quality": {"overall": 3.1, "signal": 3.4, "background": 4.0},
        "transcript": {"model": "a recogniser", "text": "The boot left.", "word_error_rate": 0.6},
    }
    sample["background"] = {"text": "Two people at a pier.", "origin": "scene"}
    sample["text_context"] = [_context_turn()]
    sample["target_utterance"]["speaker"] |= {"sex": "female", "age": 41}
    sample["target_utterance"]["emotions"] |= {"secondary": "pride", "alternatives": ["surprise"]}
    sample["annotation"] |= {
        "votes": [vote],
        "agreement": 0.75,
        "intensity": 2.5,
        "dimensions": [
            {"name": "activation", "value": 3.0, "minimum": 1.0, "maximum": 5.0, "rater": "r1"}
        ],
        "views": [
            {"name": "voice", "label": "joy", "votes": [vote], "agreement": 0.5, "level": 1.5}
        ],
        "elicitor": "a letter",
        "conduct": "polite",
    }
    sample["target_utterance"]["flags"] = ["hole_before"]
    sample["reply_audio"] = {"path": "reply.flac", "bytes": None}
    sample["desired_response"]["synthesis"] = synthesis
    sample["reference_response"] = {"id": "meld-dev-1-2", "speaker": "Jon", "text": "Well rowed."}
    sample["source"] |= {"folds": ["session_1:test"], "evaluation_overlap": ["a_benchmark"]}
    sample["drafting"] |= {
        "output_terms": "a licence",
        "candidates": [
            {
                **{"model": "another", "draft": 1, "seed": 7, "request_key": "e" * 64},
                **{"prompt_version": "draft 1", "attempts": 1, "reason": "echo"},
                "reply": reply(),
                "checks": [{"code": "echo", "severity": "note", "value": 0.5, "detail": "so"}],
            }
        ],
        "coercions": [{"field": "emotion", "from": "joy", "to": "happiness"}],
    }
    # Through JSON, so that `vote` and `synthesis` are not one object in two places.
    return orjson.loads(orjson.dumps(sample | _later_stages()))


def _context_turn() -> dict[str, Any]:
    return {
        "id": "meld-dev-1-0",
        "speaker": "Jon",
        "role": "other",
        "text": "Did you win the race?",
        "emotion": "surprise",
        "audio_sha256": "d" * 64,
        "gap_seconds": -0.25,
        "flags": ["hole_after"],
    }


def _later_stages() -> dict[str, Any]:
    return {
        "voice": {
            "descriptors": [{"name": "pitch_level", "value": 4.5, "unit": "semitones", "z": 1.2}],
            "reference": "speaker",
            "words": "higher than usual",
            "caption": "a bright voice",
            "reliable": True,
        },
        "audio_contribution": {
            "text_votes": 1,
            "audio_votes": 0.75,
            "class": "audio_solvable",
            "votes": [{"model": "a-reader", "emotion": "cannot_tell"}],
        },
        "contrast": {"group": "g1", "role": "first", "twin_of": ["meld-dev-7-3"]},
        "video": {"source_file": "a.mp4", "source_sha256": "f" * 64, "start": 1.0, "end": 2.5},
        "plan": {
            "strategies": ["celebration"],
            "min_words": 4,
            "max_words": 9,
            "emotions": ["happiness"],
            "by": "hash",
        },
        "demonstrations": {"ids": ["meld-train-4-2"], "set_digest": "a" * 64},
        "executed": {
            "strategies": [{"strategy": "celebration", "start": 0, "end": 12}],
            "by": "cues",
            "adherence": 1.0,
        },
        "checks": {
            "set_version": "0123456789ab",
            "results": [
                {"code": "specific", "severity": "note", "value": 0.9, "detail": "names the boat"}
            ],
        },
        "safety": {
            "route": "normal",
            "codes": ["name"],
            "by": "patterns",
            "pii": {"text": False, "sound": False},
        },
        "judgements": [
            {"test": "swap", "dimension": "swap", "value": 0.75, "model": "a-judge", "fit": True}
        ],
        "review": {
            "status": "accepted",
            "policy": "majority",
            "reviewers": 3,
            "ratings": [{"scale": "fit", "mean": 4.2, "count": 3}],
            "flags": ["unclear_audio"],
            "emotion": {
                "heard": "disappointment",
                "policy": "majority",
                "votes": [
                    {"emotion": "disappointment", "count": 2},
                    {"emotion": "sadness", "count": 1},
                ],
            },
        },
    }


class InventedReader:
    """Reads dialogues and rejects that were given to it, by split, fresh ones each time."""

    def __init__(
        self, items: Mapping[str, Sequence[Dialogue | Reject]], root: Path = Path()
    ) -> None:
        self._items = items
        self.splits = tuple(items)
        self.root = root
        self.files: tuple[Path, ...] = ()
        self.notes: Sequence[dict[str, Any]] = ()

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield what was given for a split."""
        for item in self._items[split]:
            if isinstance(item, Reject):
                yield item
            else:
                own = list(item.utterances)
                yield Dialogue(item.split, item.id, own, item.background, item.background_origin)


def corpus(reader: InventedReader) -> Corpus:
    """Return a corpus of invented dialogues whose labels mean what MELD's do."""
    return Corpus("meld", reader, load_labelling("meld"), Defects())
