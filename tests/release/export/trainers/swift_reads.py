"""Run by ms-swift's own interpreter: its loader, strict, and its template inputs, on an export."""

import json
import os
import sys

from swift.dataset import load_dataset
from swift.template import Template
from swift.template.template_inputs import TemplateInputs

os.chdir(sys.argv[1])
told = []
dataset, _ = load_dataset(["train.jsonl"], strict=True, remove_unused_columns=False)
for row in dataset:
    pair = TemplateInputs.from_dict({k: v for k, v in row.items() if v is not None})
    inputs = pair.chosen
    before = [dict(message) for message in inputs.messages]
    # It puts marks of its own in front where there are fewer than clips.
    Template._add_default_tags(inputs)
    clips = [os.path.isfile(path) for path in inputs.audios]
    told.append(
        {
            "id": row["id"],
            "unchanged": inputs.messages == before,
            "clips": len(clips) if all(clips) else -1,
            "reward": row.get("solution"),
            "rejected": pair.rejected and pair.rejected.messages[-1]["content"],
            "label": row.get("label"),
        }
    )
print(json.dumps(told))
