"""Run beside TRL: a step of its GRPO with the rewards of an export's own `rewards.py`."""

import json
import sys
from pathlib import Path

import trl
from datasets import load_dataset

sys.path.insert(0, str(Path(__file__).parent))
from trl_tiny import tiny

folder = sys.argv[1]
sys.path.insert(0, folder)
import rewards  # noqa: E402 - of the export

model, tokenizer = tiny()
data = load_dataset(folder, cache_dir=f"{folder}/../cache")["train"]
arguments = trl.GRPOConfig(
    output_dir=f"{folder}/../run",
    max_steps=1,
    per_device_train_batch_size=2,
    report_to=[],
    use_cpu=True,
    save_strategy="no",
    bf16=False,
    max_completion_length=8,
    num_generations=2,
)
trainer = trl.GRPOTrainer(
    model=model,
    args=arguments,
    train_dataset=data,
    processing_class=tokenizer,
    reward_funcs=[getattr(rewards, name) for name in rewards.__all__],
)
trainer.train()
logged = {k: v for entry in trainer.state.log_history for k, v in entry.items()}
told = {k: v for k, v in logged.items() if k.startswith("rewards/") and k.endswith("/mean")}
print(json.dumps({"rows": len(data), "told": told}))
