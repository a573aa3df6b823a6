"""Run beside TRL: its SFTTrainer on published datasets by name alone; which tokens carry loss."""

import json
import sys
from pathlib import Path

import trl
from datasets import load_dataset

sys.path.insert(0, str(Path(__file__).parent))
from trl_tiny import tiny

to, *names = sys.argv[1:]
told = {}
for name in names:
    data = load_dataset(name, split="train")
    model, tokenizer = tiny()
    arguments = trl.SFTConfig(
        output_dir=to,
        max_steps=1,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        bf16=False,
        max_length=None,
    )
    trainer = trl.SFTTrainer(
        model=model, args=arguments, train_dataset=data, processing_class=tokenizer
    )
    loss = trainer.train().training_loss
    learned = [[n for n in row["labels"] if n != -100] for row in trainer.train_dataset]
    told[name] = {
        "loss": loss,
        "learned": [tokenizer.decode(row).removesuffix("</s>") for row in learned],
        "replies": data["reply"][:],
        "tokens": sum(len(row["labels"]) for row in trainer.train_dataset),
        "trained": sum(map(len, learned)),
    }
print(json.dumps(told))
