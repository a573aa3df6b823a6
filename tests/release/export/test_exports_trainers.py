"""Exports, read by the trainers' own code, and by TRL trained on, in environments of their own.

What stays unproved here needs a model's files: the processors of the Qwen models (format chat), and
the tokenizing of ms-swift and LLaMA-Factory. `test_exports_rows.py` says their rules again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from deciding import decide, edits
from exporting import changed as changed_row
from exporting import lines, small_build, spoken, written
from minimal_pairs import matched, member

import builders.release.export
from builders.release.export.options import Options
from builders.release.rewards import REWARDS
from builders.review.data.events import Decision

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SCRIPTS = Path(__file__).parent / "trainers"
TORCH = "torch==2.13.0"
# What NeMo's reader of conversations imports; NeMo's own list is for training, with CUDA.
NEMO = (
    "lightning==2.4.0 hydra-core==1.3.2 nv-one-logger-core nv-one-logger-training-telemetry "
    "nv-one-logger-pytorch-lightning-integration wrapt onnx einops transformers sentencepiece "
    "pandas kaldialign librosa datasets huggingface_hub"
)
INSTALLS: dict[str, list[list[str]]] = {
    "ms-swift": [["install", TORCH, "ms-swift==4.6.0", "soundfile", "librosa"]],
    # The torchvision and torchaudio that come along are built for another torch.
    "llama-factory": [
        ["install", TORCH, "llamafactory==0.9.5"],
        ["uninstall", "-y", "torchvision", "torchaudio"],
    ],
    "trl": [["install", TORCH, "trl==1.16.0"]],
    "lhotse": [
        # lhotse imports urllib3 without asking for it.
        ["install", TORCH, "lhotse==1.33.0", "webdataset==1.0.2", "soundfile", "urllib3"],
        ["install", TORCH, *NEMO.split()],
        ["install", "--no-deps", "nemo_toolkit==3.0.0"],
    ],
}
REPLY = "What a lovely surprise, and well earned after all that rowing!"
DRAFT = "Cheer up, it was only a boat race after all!"

OFFLINE = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

Environment = Callable[[str], Path]


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Yield what makes an environment with a trainer, once, and returns its interpreter.

    They take gigabytes, and so go when the tests are done.
    """

    @cache
    def make(trainer: str) -> Path:
        folder = Path(root) / trainer
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = folder / "bin" / "python"
        for arguments in INSTALLS[trainer]:
            subprocess.run([python, "-I", "-m", "pip", "-q", *arguments], check=True)
        return python

    with TemporaryDirectory() as root:
        yield make


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build with and without clips and context, about which people decided."""
    draft = {"text": DRAFT}
    rows = [
        changed_row(spoken(0), desired_response=draft),
        changed_row(spoken(1, earlier=[0]), desired_response=draft),
        written(2, earlier=[0, 1]),
        changed_row(spoken(3, earlier=[0, 1, 2]), desired_response=draft),
        written(0, dialogue="5"),
    ]
    folder = small_build(tmp_path_factory.mktemp("builds") / "trial", rows)
    edited = ("meld-train-1-0", "meld-train-1-1", "meld-train-1-3")
    decisions = {name: edits(folder, name, REPLY) for name in edited} | {
        "meld-train-1-2": Decision("reject", reason="generic"),
        "meld-train-5-0": Decision("accept"),
    }
    decide(folder, decisions)
    return folder


def export(build: Path, to: Path, format: str, task: str, **options: Any) -> list[dict[str, Any]]:
    """Export to `to` and return the rows that were written."""
    builders.release.export.export(build, to, Options(format, task, system="Be kind.", **options))
    return lines(to / "train.jsonl") if (to / "train.jsonl").exists() else []


def run(python: Path, script: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [python, "-I", SCRIPTS / script, *arguments]
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, **OFFLINE, "HOME": str(python.parents[1])},
    )


def told(python: Path, script: str, *arguments: Any) -> Any:
    """Return the JSON on the last line of what a script prints."""
    done = run(python, script, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("task", ["sft", "dpo", "kto", "grpo"])
def test_ms_swift_keeps_every_row_and_adds_no_mark(environment, build, tmp_path, task):
    rows = export(build, tmp_path / "out", "ms-swift", task, context_audio=True)
    read = told(environment("ms-swift"), "swift_reads.py", tmp_path / "out")
    assert [row["id"] for row in read] == [row["id"] for row in rows]
    assert [row["clips"] for row in read] == [len(row["audios"]) for row in rows]
    assert all(row["unchanged"] for row in read)
    assert {row["rejected"] for row in read} == {DRAFT if task == "dpo" else None}
    assert {row["reward"] for row in read} == {REPLY if task == "grpo" else None}
    labels = [row["label"] for row in read]
    assert labels == ([True, True, False, True, True] if task == "kto" else [None] * len(read))


@pytest.mark.parametrize("task", ["sft", "dpo", "kto"])
def test_llama_factory_keeps_every_row_with_its_marks(environment, build, tmp_path, task):
    rows = export(build, tmp_path / "out", "llama-factory", task, context_audio=True)
    read = told(environment("llama-factory"), "llama_factory_reads.py", tmp_path / "out")
    assert [row["clips"] for row in read] == [len(row["audios"]) for row in rows]
    assert {tuple(row["turns"]) for row in read} == {("user",)}
    assert {row["system"] for row in read} == {"Be kind."}
    answers = {tuple(row["answers"]) for row in read}
    assert (
        answers
        == {
            "sft": {(REPLY,)},
            "dpo": {(REPLY, DRAFT)},
            "kto": {(REPLY, ""), ("", REPLY)},
        }[task]
    )


@pytest.mark.parametrize("task", ["sft", "dpo", "kto", "grpo"])
def test_trl_takes_a_step_on_every_task(environment, build, tmp_path, task):
    rows = export(build, tmp_path / "out", "trl", task)
    done = told(environment("trl"), "trl_trains.py", tmp_path / "out", task)
    assert done["rows"] == len(rows) > 2
    assert done["seen"] == (2 if task == "grpo" else 0)
    assert task == "grpo" or done["loss"] > 0


def installed(python: Path) -> Path:
    """Return an interpreter that has Hearten beside the trainer."""
    root = Path(__file__).parents[3]
    subprocess.run([python, "-I", "-m", "pip", "-q", "install", "-e", root], check=True)
    return python


def test_trl_trains_on_the_rewards_of_an_export(environment, tmp_path):
    told_to = small_build(tmp_path / "trial", [written(n) for n in range(6)])
    export(told_to, tmp_path / "out", "trl", "grpo", rewards=True)
    done = told(installed(environment("trl")), "trl_rewards.py", tmp_path / "out")
    assert set(done["told"]) == {f"rewards/{one.__name__}/mean" for one in REWARDS}
    assert done["rows"] == 6 and done["told"]["rewards/form/mean"] == 0


def test_ms_swift_registers_the_rewards_of_an_export(environment, tmp_path):
    told_to = small_build(tmp_path / "trial", [written(n) for n in range(6)])
    export(told_to, tmp_path / "out", "ms-swift", "grpo", rewards=True)
    found = told(installed(environment("ms-swift")), "swift_rewards.py", tmp_path / "out")
    assert found == {f"hearten_{one.__name__}": [1.0] * 6 for one in REWARDS}


@pytest.fixture(scope="module")
def contrasted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build with two minimal pairs that a judge matched."""
    rows = [
        member(number, group, root)
        for group in range(2)
        for number, root in enumerate(("sadness", "happiness"))
    ]
    folder = small_build(tmp_path_factory.mktemp("contrasted") / "trial", rows)
    matched(folder)
    return folder


def test_ms_swift_reads_pairs_of_contrast(environment, contrasted, tmp_path):
    rows = export(contrasted, tmp_path / "out", "ms-swift", "dpo", pairs_from=("contrast",))
    read = told(environment("ms-swift"), "swift_reads.py", tmp_path / "out")
    assert [row["rejected"] for row in read] == [row["rejected_response"] for row in rows]
    assert len(rows) == 4 and all(row["unchanged"] for row in read)


def test_trl_takes_a_step_on_pairs_of_contrast(environment, contrasted, tmp_path):
    rows = export(contrasted, tmp_path / "out", "trl", "dpo", pairs_from=("contrast",))
    done = told(environment("trl"), "trl_trains.py", tmp_path / "out", "dpo")
    assert done["rows"] == len(rows) == 4 and done["loss"] > 0


# What makes a run of one step on a processor out of a start line.
SHORT = {
    "trl": "--use_cpu --max_steps 1 --report_to none --bf16 false",
    "ms-swift": "--use_cpu true --max_steps 1 --model_type llama --template chatml "
    "--torch_dtype float32 --tuner_type full --max_length 2000 --output_dir run",
}


@pytest.mark.parametrize("format", SHORT)
def test_the_start_line_trains(environment, tmp_path, format):
    told_to = small_build(tmp_path / "trial", [written(n) for n in range(6)])
    done = builders.release.export.export(told_to, tmp_path / "out", Options(format))
    tiny = tmp_path / "tiny"
    assert run(environment("trl"), "trl_tiny.py", tiny).returncode == 0
    line = re.sub(r"(--model\S*) \S+", rf"\1 {tiny}", done.start)
    ended = in_shell(f"{line} {SHORT[format]}", environment(format), tmp_path / "out")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert list((tmp_path / "out" / "run").rglob("*.safetensors"))


@pytest.mark.parametrize("format", ["lhotse", "webdataset"])
def test_the_start_line_reads(environment, build, tmp_path, format):
    done = builders.release.export.export(build, tmp_path / "out", Options(format))
    ended = in_shell(done.start, environment("lhotse"), tmp_path / "out")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ("(1, 1600)" if format == "lhotse" else "'id': 'meld-train-1-0'") in ended.stdout


def in_shell(line: str, python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a folder, with an environment's programs first on the path."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, **OFFLINE, "PATH": path, "HOME": str(python.parents[1])}
    return subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True)


def test_lhotse_validates_every_cut_and_reads_its_clip(environment, build, tmp_path):
    rows = export(build, tmp_path / "out", "lhotse", "sft")
    read = told(environment("lhotse"), "lhotse_reads.py", tmp_path / "out")
    assert [row["id"] for row in read] == [row["id"] for row in rows]
    assert {row["samples"] for row in read} == {1600}
    assert {row["reply"] for row in read} == {REPLY}
    assert read[0]["text"] == "The boat left at 0 and nobody waved."


def test_webdataset_groups_the_members_of_each_row(environment, build, tmp_path):
    export(build, tmp_path / "out", "webdataset", "sft", context_audio=True)
    read = told(environment("lhotse"), "webdataset_reads.py", tmp_path / "out")
    assert {row["id"]: row["clips"] for row in read} == {
        "meld-train-1-0": [1600],
        "meld-train-1-1": [1600, 1600],
        "meld-train-1-3": [1600, 1600, 1600],
        "meld-train-5-0": [],
    }


def test_nemo_reads_every_conversation_and_its_clips(environment, build, tmp_path):
    rows = export(build, tmp_path / "out", "nemo", "sft", context_audio=True)
    read = told(environment("lhotse"), "nemo_reads.py", tmp_path / "out")
    assert [row["id"] for row in read] == [row["id"] for row in rows]
    assert [len(row["samples"]) for row in read] == [1, 2, 3, 0]
    assert all((row["roles"][0], row["roles"][-1]) == ("system", "assistant") for row in read)
    assert {row["reply"] for row in read} == {REPLY}
    assert {row["custom"]["emotion"] for row in read} == {"happiness"}


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_trainers_own_code_notices_what_the_rules_forbid(environment, build, tmp_path):
    export(build, tmp_path / "swift", "ms-swift", "dpo")
    changed(tmp_path / "swift" / "train.jsonl", DRAFT, REPLY)
    done = run(environment("ms-swift"), "swift_reads.py", tmp_path / "swift")
    assert done.returncode and f"rejected_response: {REPLY}" in done.stderr
    export(build, tmp_path / "llama", "llama-factory", "sft")
    changed(tmp_path / "llama" / "train.jsonl", "<audio>", "")
    done = run(environment("llama-factory"), "llama_factory_reads.py", tmp_path / "llama")
    assert done.returncode and "The number of audios does not match" in done.stderr
    export(build, tmp_path / "lhotse", "lhotse", "sft")
    changed(
        tmp_path / "lhotse" / "train.jsonl",
        '"duration":0.1,"channel":0',
        '"duration":9.0,"channel":0',
    )
    done = run(environment("lhotse"), "lhotse_reads.py", tmp_path / "lhotse")
    assert done.returncode and "Requested more audio (9.0s) than available" in done.stderr
