"""Run by ms-swift's own interpreter: its loader of plugins, its registry, a batch of its rows."""

import json
import os
import sys

from swift.dataset import load_dataset
from swift.rewards import orms
from swift.utils import import_external_file

os.chdir(sys.argv[1])
import_external_file("rewards.py")
dataset, _ = load_dataset(["train.jsonl"], strict=True, remove_unused_columns=False)
rows = list(dataset)
columns = {name: [row[name] for row in rows] for name in rows[0]}
completions = [row["solution"] for row in rows]
found = {
    name: made(None)(completions, **columns)
    for name, made in orms.items()
    if name.startswith("hearten_")
}
print(json.dumps(found))
