"""Run beside TRL: one step of its trainer, on a model of a few thousand random weights."""

import json
import sys

import trl
from datasets import load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
folder, task = sys.argv[1:]
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {word: n for n, word in enumerate(["</s>", "<pad>", *letters])}
tokenizer = Tokenizer(models.BPE(vocabulary, []))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>")
tokenizer.chat_template = TEMPLATE
size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
config = LlamaConfig(vocab_size=len(vocabulary), num_attention_heads=2, **size, eos_token_id=0)
model = LlamaForCausalLM(config)
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


given = {"grpo": {"reward_funcs": reward}, "sft": {}}.get(
    task, {"ref_model": LlamaForCausalLM(config)}
)
trainer = trainer_class(
    model=model, args=arguments, train_dataset=data, processing_class=tokenizer, **given
)
loss = trainer.train().training_loss
print(json.dumps({"rows": len(trainer.train_dataset), "loss": loss, "seen": len(seen)}))
