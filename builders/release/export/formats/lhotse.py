"""Lhotse: one cut for each clip, with its transcript as supervision and the exchange as custom."""

from __future__ import annotations

from builders.release.export.examples import RATE, Example, ExportedClip
from builders.release.export.writing import Form as Base


class Form(Base):
    """Writes cuts as `CutSet.from_file` reads them."""

    def row(self, example: Example) -> dict[str, object]:
        """Return a cut over the whole clip."""
        (sound,) = example.sounds
        custom = {"messages": example.messages, **example.rewards()}
        return {
            "id": example.id,
            "start": 0,
            "duration": sound.seconds,
            "channel": 0,
            "supervisions": [_supervision(example, sound)],
            "recording": _recording(example.id, sound),
            "custom": custom,
            "type": "MonoCut",
        }


def _recording(name: str, sound: ExportedClip) -> dict[str, object]:
    return {
        "id": name,
        "sources": [{"type": "file", "channels": [0], "source": sound.path}],
        "sampling_rate": RATE,
        "num_samples": sound.samples,
        "duration": sound.seconds,
        "channel_ids": [0],
    }


def _supervision(example: Example, sound: ExportedClip) -> dict[str, object]:
    target = example.record["target_utterance"]
    told = {"speaker": target["speaker"]["id"], "gender": target["speaker"]["sex"]}
    return {
        "id": example.id,
        "recording_id": example.id,
        "start": 0,
        "duration": sound.seconds,
        "channel": 0,
        "text": target["text"],
        "language": example.record["language"],
        **{name: value for name, value in told.items() if value is not None},
        "custom": example.emotions(),
    }
