"""Chat: content blocks for the processors of Qwen2-Audio, Qwen2.5-Omni and Qwen3-Omni."""

from __future__ import annotations

from collections.abc import Iterator

from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base


class Form(Base):
    """Writes ``messages`` of content blocks; the model's profile has the notation of a clip."""

    def row(self, example: Example) -> dict[str, object]:
        """Return a row: id, messages, seconds of audio, and the labels."""
        paths = iter(example.paths)
        contents = [self._blocks(turn["content"], paths) for turn in example.messages]
        if example.spoken_reply:
            contents[-1].append(self._clip(example.spoken_reply.path))
        roles = (turn["role"] for turn in example.messages)
        turns = [
            {"role": role, "content": content}
            for role, content in zip(roles, contents, strict=True)
        ]
        seconds = round(sum((sound.seconds for sound in example.sounds), 0.0), 3)
        return {"id": example.id, "messages": turns, "seconds": seconds, **example.labels()}

    def _blocks(self, content: str, paths: Iterator[str]) -> list[dict[str, str]]:
        """Return a text as blocks: its pieces, with a clip in place of each placeholder."""
        first, *rest = content.split(self.options.facts.mark)
        blocks = [{"type": "text", "text": first}]
        for piece in rest:
            blocks += [self._clip(next(paths)), {"type": "text", "text": piece}]
        return [block for block in blocks if block.get("text") != ""]

    def _clip(self, path: str) -> dict[str, str]:
        key = self.options.model.audio_key if self.options.model else "audio"
        return {"type": "audio", key: path}
