"""The standard folds: which videos are for training, validation and testing.

Source: `cmu_mosei_std_folds.py` of the CMU Multimodal SDK, or the same three lists in JSON.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from builders.corpora.files import AGAIN
from builders.corpora.opening import read_whole
from builders.errors import SourceError

# What the owner's list is called in the SDK and in JSON, by split.
_NAMES = {
    "train": ("standard_train_fold", "train"),
    "dev": ("standard_valid_fold", "valid"),
    "test": ("standard_test_fold", "test"),
}


def read_folds(path: Path) -> dict[str, frozenset[str]]:
    """Return the videos of each fold; SourceError when a list is missing or two share a video.

    A Python file is parsed and never executed.
    """
    lists = _json(path) if path.suffix == ".json" else _assigned(path)
    folds: dict[str, frozenset[str]] = {}
    for split, names in _NAMES.items():
        name = names[path.suffix == ".json"]
        videos = lists.get(name)
        if not isinstance(videos, list) or not all(isinstance(v, str) for v in videos):
            raise SourceError(f"{name} is not a list of video ids", where=path, do=AGAIN)
        for other, fold in folds.items():
            if shared := sorted(fold.intersection(videos)):
                what = f"{', '.join(shared[:3])} is in both {other} and {split}"
                raise SourceError(
                    what, where=path, expected="each video in one fold only", do=AGAIN
                )
        folds[split] = frozenset(videos)
    return folds


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(read_whole(path))
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"the file is not valid JSON ({error})", where=path, do=AGAIN) from error
    return found if isinstance(found, dict) else {}


def _assigned(path: Path) -> dict[str, object]:
    """Return the literals that a Python file assigns to the names we know."""
    known = [python for python, _ in _NAMES.values()]
    try:
        body = ast.parse(read_whole(path)).body
        return {
            target.id: ast.literal_eval(node.value)
            for node in body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in known
        }
    except (OSError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        what = f"the lists cannot be read ({type(error).__name__})"
        expected = f"{', '.join(known)}, each assigned a list of texts"
        raise SourceError(what, where=path, expected=expected, do=AGAIN) from error
