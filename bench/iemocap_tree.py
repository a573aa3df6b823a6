"""A tree of IEMOCAP's shape and size: 10,039 turns in 151 dialogues of five sessions."""

from __future__ import annotations

from pathlib import Path

from trees_iemocap import Turn
from trees_iemocap import make_tree as write_tree

TURNS = 10_039
DIALOGUES = (28, 30, 32, 30, 31)  # by session
VOTES = (
    ("neu", "E1:Neutral E2:Neutral E4:Sadness"),
    ("fru", "E1:Frustration E2:Frustration,Anger E4:Frustration"),
    ("xxx", "E1:Happiness E2:Excited E4:Surprise"),
)


def make_tree(root: Path) -> Path:
    """Write the tree, raters' own files included, without sound; return its root."""
    names = [
        f"Ses{session:02}{'FM'[number % 2]}_impro{number // 2 + 1:02}"
        for session, count in enumerate(DIALOGUES, start=1)
        for number in range(count)
    ]
    whole, rest = divmod(TURNS, len(names))
    dialogues = {}
    for at, name in enumerate(names):
        turns = []
        for number in range(whole + (at < rest)):
            label, votes = VOTES[number % len(VOTES)]
            who, start = "FM"[number % 2], number * 3.0
            text = f"This is turn {number} of {name}, and it is said in a room."
            turns.append(Turn(f"{who}{number:03}", text, label, votes, start=start, end=start + 2))
        dialogues[name] = turns
    return write_tree(root, dialogues)
