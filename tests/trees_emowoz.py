"""EmoWOZ trees made for tests: two JSON files of dialogues and the list of ids, as on Zenodo."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANNOTATORS = ("k3v9q0wz", "b71xmt2e", "p0d4hh8s")
# What the sentiment of a label is, by its code.
SENTIMENTS = (0, 1, 1, 1, 1, 2, 2)
FILES = {"multiwoz": "emowoz-multiwoz.json", "dialmage": "emowoz-dialmage.json"}

Split = Mapping[str, Mapping[str, Sequence[str]]]


def choice(code: int, **who: str) -> dict[str, Any]:
    """Return an annotation: the label and its sentiment, and who chose it."""
    return {**who, "emotion": code, "sentiment": SENTIMENTS[code]}


def emotion(final: int = 0, votes: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Return what stands at a user's turn: three annotators' choices, and the final label."""
    chosen = (final,) * 3 if votes is None else votes
    by = zip(ANNOTATORS, chosen, strict=True)
    return [*(choice(code, annotator=who) for who, code in by), choice(final)]


def user(text: str = "I need a room .", final: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a user's turn; `changes` are fields of it."""
    turn = {"text": text, "emotion": emotion(final), "metadata": {}, "dialog_act": {}}
    return turn | changes


def system(text: str = "For how many nights ?", **changes: Any) -> dict[str, Any]:
    """Return a system's turn; `changes` are fields of it."""
    metadata = {"hotel": {"book": {"booked": [], "stay": "3"}, "semi": {"area": "west"}}}
    acts = {"Hotel-Request": [["Stay", "?"]]}
    turn = {"text": text, "emotion": [], "metadata": metadata, "dialog_act": acts, "span_info": []}
    return turn | changes


def dialogue(*turns: dict[str, Any], message: Any = None) -> dict[str, Any]:
    """Return a dialogue; with a message it has a goal, as those of MultiWOZ."""
    goal = {} if message is None else {"goal": {"message": message, "hotel": {"info": {}}}}
    return {**goal, "log": list(turns)}


def make_emowoz_tree(
    root: Path,
    multiwoz: Mapping[str, Any] | None = None,
    dialmage: Mapping[str, Any] | None = None,
    split: Split | None = None,
) -> Path:
    """Write the three files into `root` and return it.

    Dialogues go by their names without ``.json``; each part has one where it is not given. All are
    in train where no split is given.
    """
    given = {"multiwoz": multiwoz, "dialmage": dialmage}
    defaults = {"multiwoz": "SNG0101", "dialmage": "DMAGE7"}
    parts = {
        part: {defaults[part]: dialogue(user(), system())} if held is None else held
        for part, held in given.items()
    }
    everything = {part: list(held) for part, held in parts.items()}
    of = {name: (split or {"train": everything}).get(name, {}) for name in ("train", "dev", "test")}
    root.mkdir(parents=True, exist_ok=True)
    for part, held in parts.items():
        write_json(root / FILES[part], {f"{name}.json": one for name, one in held.items()})
    listed = {
        name: {part: [f"{one}.json" for one in ids.get(part, ())] for part in FILES}
        for name, ids in of.items()
    }
    write_json(root / "data-split.json", listed)
    return root


def write_json(path: Path, value: Any) -> None:
    """Write a value as the files are written."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
