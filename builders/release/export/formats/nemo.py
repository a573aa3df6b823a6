"""NeMo SALM: conversations of text and audio turns, with paths relative to the manifest."""

from __future__ import annotations

from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base


class Form(Base):
    """Writes rows for the reader ``multimodal_conversation``.

    The reader joins consecutive turns of a role with a space and inserts its own tag for a clip.
    """

    def row(self, example: Example) -> dict[str, object]:
        """Return a row: id, conversations, and the labels as custom fields."""
        sounds = iter(example.sounds)
        turns: list[dict[str, object]] = []
        for message in example.messages:
            role = message["role"].title()
            for number, piece in enumerate(message["content"].split(self.options.facts.mark)):
                if number:
                    sound = next(sounds)
                    clip = {"value": sound.path, "duration": sound.seconds}
                    turns.append({"from": role, "type": "audio", **clip})
                if text := piece.strip():
                    turns.append({"from": role, "type": "text", "value": text})
        return {"id": example.id, "conversations": turns, "custom": example.labels()}
