"""EmpatheticDialogues trees made for tests: unquoted rows, a file for each split."""

from collections.abc import Iterable, Mapping
from pathlib import Path

COLUMNS = (
    *("conv_id", "utterance_idx", "context", "prompt", "speaker_idx", "utterance"),
    *("selfeval", "tags"),
)
FILES = {"train": "train.csv", "dev": "valid.csv", "test": "test.csv"}


def row(conversation: int, index: int, **changes: str) -> dict[str, str]:
    """Return a whole row; `changes` are columns, ``candidates`` one beyond the header."""
    whole = {
        "conv_id": f"hit:{conversation // 2}_conv:{conversation}",
        "utterance_idx": str(index),
        "context": "proud",
        "prompt": f"My neighbour passed the test_comma_ number {conversation}.",
        "speaker_idx": ("12", "7")[index % 2],
        "utterance": f"This is turn {index} of conversation {conversation}.",
        "selfeval": "5|5|5_4|5|5",
        "tags": "",
    }
    return whole | changes


def make_tree(root: Path, rows: Mapping[str, Iterable[Mapping[str, str]]] | None = None) -> Path:
    """Write the three files into `root` and return it.

    `rows` are those of each split; two conversations of two turns where a split is not given.
    """
    default = [row(c, i) for c in (0, 1) for i in (1, 2)]
    root.mkdir(parents=True, exist_ok=True)
    for split, name in FILES.items():
        lines = [",".join(one.values()) for one in (rows or {}).get(split, default)]
        text = "\n".join([",".join(COLUMNS), *lines]) + "\n"
        (root / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    return root
