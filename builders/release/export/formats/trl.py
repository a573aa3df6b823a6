"""TRL: prompt and completion as messages, in text; clips are separate, for a custom collator."""

from __future__ import annotations

from collections.abc import Mapping

from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base


class Form(Base):
    """Writes rows for `trl sft`, `dpo`, `kto` and `grpo`."""

    def row(self, example: Example) -> dict[str, object]:
        """Return a row: the prompt, and the fields of the task."""
        row = {"id": example.id, "prompt": example.prompt, **self._answer(example)}
        return {**row, "audios": example.paths}

    def _answer(self, example: Example) -> Mapping[str, object]:
        said = [example.messages[-1]]
        if self.options.task == "dpo":
            rejected = [{**said[0], "content": example.rejected}]
            return {"chosen": said, "rejected": rejected, **example.preference(self.options)}
        if self.options.task == "kto":
            return {"completion": said, "label": example.label}
        if self.options.task == "grpo":
            return example.rewards(self.options)
        return {"completion": said}
