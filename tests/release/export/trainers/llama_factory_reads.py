"""Run by LLaMA-Factory's own interpreter: its loader, converter and check of marks, on an export.

Its clips are decoded by torchaudio while rows are tokenized, which needs a model; here it is only
a name, so that the module can be imported without it.
"""

# ruff: noqa: E402 - the name must be there before the module is imported

import importlib.machinery
import json
import os
import sys
import types

torchaudio = types.ModuleType("torchaudio")
torchaudio.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = torchaudio

from llamafactory.data.loader import _load_single_dataset
from llamafactory.data.mm_plugin import get_mm_plugin
from llamafactory.data.parser import get_dataset_list
from llamafactory.hparams import DataArguments, ModelArguments
from transformers import Seq2SeqTrainingArguments

folder = sys.argv[1]
plugin = get_mm_plugin("qwen2_audio", audio_token="<|AUDIO|>")
data = DataArguments(dataset="train", dataset_dir=folder, media_dir=folder)
model = ModelArguments(model_name_or_path="none")
training = Seq2SeqTrainingArguments(output_dir=f"{folder}/../run")
told = []
(attributes,) = get_dataset_list(["train"], folder)
for row in _load_single_dataset(attributes, model, data, training):
    clips = row["_audios"] or []
    answers = [turn["content"] for turn in row["_response"]]
    plugin._validate_messages(row["_prompt"] + row["_response"], [], [], clips)
    told.append(
        {
            "turns": [turn["role"] for turn in row["_prompt"]],
            "answers": answers,
            "system": row["_system"],
            "clips": len(clips) if all(map(os.path.isfile, clips)) else -1,
        }
    )
print(json.dumps(told))
