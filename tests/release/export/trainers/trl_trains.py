"""Run beside TRL: one step of its trainer on an export, and what its reward function is given."""

import json
import sys
from pathlib import Path

import trl
from datasets import load_dataset

sys.path.insert(0, str(Path(__file__).parent))
from trl_tiny import tiny

folder, task = sys.argv[1:]
model, tokenizer = tiny()
data = load_dataset(folder, cache_dir=f"{folder}/../cache")["train"]
trainer_class, arguments_class = {
    "sft": (trl.SFTTrainer, trl.SFTConfig),
    "dpo": (trl.DPOTrainer, trl.DPOConfig),
    "kto": (trl.KTOTrainer, trl.KTOConfig),
    "grpo": (trl.GRPOTrainer, trl.GRPOConfig),
}[task]
more = {"max_completion_length": 4, "num_generations": 2} if task == "grpo" else {}
arguments = arguments_class(
    output_dir=f"{folder}/../run",
    max_steps=1,
    per_device_train_batch_size=2,
    report_to=[],
    use_cpu=True,
    save_strategy="no",
    bf16=False,
    **more,
)
seen = []


def reward(completions, emotion, strategies, solution, **_):
    """Return a reward for each completion, and note the columns that came along."""
    seen.extend(zip(emotion, strategies, solution, strict=True))
    return [float(len(str(one))) for one in completions]


given = {"sft": {}, "grpo": {"reward_funcs": reward}}.get(task, {"ref_model": tiny()[0]})
trainer = trainer_class(
    model=model, args=arguments, train_dataset=data, processing_class=tokenizer, **given
)
loss = trainer.train().training_loss
print(json.dumps({"rows": len(trainer.train_dataset), "loss": loss, "seen": len(seen)}))
