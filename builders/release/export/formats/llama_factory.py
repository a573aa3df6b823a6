"""LLaMA-Factory: ShareGPT rows with role and content, registered in ``dataset_info.json``."""

from __future__ import annotations

from pathlib import Path

from builders.record.folder import write_json
from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base

_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


class Form(Base):
    """Writes rows for the stages sft, dpo and kto."""

    def row(self, example: Example) -> dict[str, object]:
        """Return a row; a ranked one ends with the user turn and has separate response fields."""
        task = self.options.task
        turns = example.prompt if task == "dpo" else example.messages
        row: dict[str, object] = {"id": example.id, "messages": turns, "audios": example.paths}
        if task == "dpo":
            row["chosen"] = {"role": "assistant", "content": example.reply}
            row["rejected"] = {"role": "assistant", "content": example.rejected}
            row |= example.preference(self.options)
        elif task == "kto":
            row["label"] = example.label
        return row

    def finish(self, folder: Path, splits: list[str]) -> None:
        """Register each split under its name."""
        columns = {"messages": "messages", "audios": "audios"}
        entry: dict[str, object] = {"formatting": "sharegpt", "columns": columns, "tags": _TAGS}
        if self.options.task == "dpo":
            columns |= {"chosen": "chosen", "rejected": "rejected"}
            entry["ranking"] = True
        elif self.options.task == "kto":
            columns["kto_tag"] = "label"
        known = {split: {"file_name": f"{split}.jsonl", **entry} for split in splits}
        write_json(folder / "dataset_info.json", known)
