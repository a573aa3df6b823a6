"""ms-swift: ``messages`` and ``audios``; GRPO rows end with the user turn and have rewards."""

from __future__ import annotations

from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base


class Form(Base):
    """Writes rows for `swift sft` and `swift rlhf` (dpo, kto, grpo)."""

    def row(self, example: Example) -> dict[str, object]:
        """Return a row: id, messages, audios, and the fields of the task."""
        task = self.options.task
        turns = example.prompt if task == "grpo" else example.messages
        row: dict[str, object] = {"id": example.id, "messages": turns, "audios": example.paths}
        if task == "dpo":
            row |= {"rejected_response": example.rejected, **example.preference(self.options)}
        elif task == "kto":
            row["label"] = example.label
        elif task == "grpo":
            row |= example.rewards(self.options)
        return row
