"""Make builders/corpora/iemocap/sample: an invented corpus in the shape of IEMOCAP's.

Run by hand when the sample is to change: `pip install hibari-tts`, then
`PYTHONPATH=tests python tests/make_iemocap_sample.py`. The text is ours; a voice engine speaks it.
Quirks, as in the real one: dialogue names with the other actor's letter and with suffixes, turns
that overlap, a turn that nobody evaluated (XX), transcript lines without an id, tags, a turn of
nothing else, raters with several categories, a missing value, a rater whose votes are in a file of
the rater's own only, another who says two things, a turn without a clip, files of a Mac, and one
malformed record (a broken time in Ses04F_script02_1).
"""

import re
import shutil
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray
from trees_iemocap import RATE, Turn, write, write_dialogue

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "iemocap" / "sample"
# How fast the one voice of the engine is played for each actor: slower is lower.
SPEEDS = {
    **{"1F": 1.16, "1M": 0.96, "2F": 1.2, "2M": 0.98, "3F": 1.12, "3M": 0.94},
    **{"4F": 1.18, "4M": 0.97, "5F": 1.14, "5M": 0.95},
}
CATEGORIES = {
    **{"neu": "Neutral", "ang": "Anger", "hap": "Happiness", "exc": "Excited", "sad": "Sadness"},
    **{"fru": "Frustration", "fea": "Fear", "sur": "Surprise", "dis": "Disgust", "oth": "Other"},
}
# The dialogue's name, then: turn | label | votes | values | text
LINES = """
Ses01F_impro02
F000|neu|E2:neu E3:neu E4:neu F1:neu|E2:3,2,3 E3:3,2,2 F1:3,2,3|Is the cake here?
M000|fea|E2:fea E3:fea E4:sad M1:fea|E2:2,3,2 E3:2,4,1 M1:1,4,1|I left it on the bus.
F001|sur|E2:sur E3:sur E4:ang F1:sur,ang|E2:2,4,3 E3:3,5,3 F1:2,5,4|On the bus? The whole cake?
MXX0||||Yes, yes.
M001|sad|E2:sad E3:sad E4:fru M1:sad|E2:2,2,2 E3:1,2,2 M1:1,2,1|All three floors of it.
F002|ang|E2:ang E3:ang,fru E4:ang F1:ang|E2:1,5,5 E3:1,4,5 F1:1,5,5|Then run after it!
Ses02M_impro03
M000|exc|E2:exc E3:exc E4:hap M1:exc|E2:5,5,4 E3:5,4,4 M1:5,5,4|They said yes to us!
F000|hap|E2:hap E3:hap E4:exc,neu F1:hap|E2:4,3,3 E3:4,-,3 F1:5,3,3|And to the balcony, too?
M001|hap|E2:hap E3:hap E4:hap|E2:5,3,3 E3:4,4,3|[LAUGHTER]
F001|xxx|E2:hap E3:exc E4:neu F1:exc|E2:4,3,3 E3:5,4,3 F1:5,4,3|Say that once more.
Ses03M_impro05a
F000|fru|E2:fru E3:fru E4:ang|E2:2,3,3 E3:2,4,3|That is form number four.
M000|neu|E2:neu E3:neu E4:fru|E2:3,2,3 E3:3,2,4|There is a fifth, madam.
F001|xxx|E1:ang E2:sad E3:ang E4:sad|E2:1,4,3 E3:2,3,2|[BREATHING] My sister cannot wait.
M001|dis|E2:dis E3:dis E4:neu|E2:2,3,3 E3:2,2,3|Ugh, who glued this?
Ses04F_script02_1
M000|oth|E2:oth E3:oth E4:sad M1:neu|E2:3,2,3 E3:2,3,3|What an odd old song.
F000|neu|E2:neu E3:neu E4:neu F1:neu|E2:3,2,3 E3:3,2,3|It is only the kettle.
M001|sur|E2:sur E3:sur E4:hap M1:sur|E2:4,4,3 E3:3,4,3|So it can sing!
Ses04M_impro06
M000|ang|E1:ang E2:ang E3:neu E4:fru|E2:2,4,4 E3:2,4,5|You sold my bicycle?
F000|xxx|E1:neu E2:fea E3:sad E4:fru|E2:2,3,2 E3:3,2,2|It had stood there for years.
M001|fru|E2:fru E3:fru E4:ang|E2:2,4,3 E3:1,4,4|I had mended it, this morning.
F001|sad|E2:sad E3:sad E4:fru|E2:2,2,2 E3:2,1,2|Then I am very sorry.
Ses05M_script01_1b
M000|sad|E2:sad E3:sad E4:neu M1:sad|E2:2,1,2 E3:2,2,2|The garden is gone.
F000|xxx|E2:neu E3:sad,fru E4:fea F1:sad|E2:3,2,3 E3:2,2,2 F1:2,2,2|It was here in May.
FXX0||||Mhm.
M001|fru|E2:fru E3:fru E4:fru M1:fru|E2:2,4,3 E3:1,4,4 M1:1,4,3|So were the neighbours.
"""
BROKEN = ("Ses04F_script02_1", "F000")
WITHOUT_CLIP = ("Ses05M_script01_1b", "M001")
# What stands in a rater's own file, and what the summary has instead.
ONLY_IN_OWN_FILE = ("Ses04F_script02_1", "C-E4:\tHappiness;\t()\n", "")
CONTRADICTED = ("Ses02M_impro03", "C-E4:\tExcited; Neutral;\t()\n", "C-E4:\tNeutral;\t()\n")
# What an archive made on a Mac holds beside each file.
FORK = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


def speak(engine: Hibari, actor: str, text: str) -> NDArray[np.float32]:
    """Return a turn spoken, at 16 kHz, without the silence around it."""
    said = {"[LAUGHTER]": "Ha ha ha!"}.get(text, text.rpartition("] ")[2])
    voice = soxr.resample(
        np.asarray(engine(said, seed=0), np.float32), 24_000 * SPEEDS[actor], RATE
    )
    voice = voice * 0.5 / np.abs(voice).max()
    (loud,) = np.nonzero(np.abs(voice) > 0.02)
    return voice[max(0, loud[0] - 400) : loud[-1] + 800].astype(np.float32)


def read_lines(engine: Hibari) -> dict[str, list[Turn]]:
    """Return the turns by dialogue; every third begins before the one before it has ended."""
    dialogues: dict[str, list[Turn]] = {}
    for number, row in enumerate(LINES.strip().splitlines()):
        if "|" not in row:
            turns, dialogue, now = dialogues.setdefault(row, []), row, 4.2
            continue
        name, label, votes, values, text = row.split("|")
        voice = speak(engine, dialogue[4] + name[0], text)
        start = now + (-0.2 if number % 3 == 2 else 0.35)
        now = start + len(voice) / RATE
        turn = Turn(name, text, label or None, in_full(votes), values, start, now)
        if label and (dialogue, name) != WITHOUT_CLIP:
            turn.clip = voice
        turns.append(turn)
    return dialogues


def in_full(votes: str) -> str:
    """Return votes with their categories as the summaries write them."""
    return re.sub("[a-z]{3}", lambda found: CATEGORIES[found[0]], votes)


def change(path: Path, old: str, new: str) -> None:
    """Replace what stands in a file once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_quirks(folders: dict[str, Path]) -> None:
    """Make of the whole files what is in the real ones."""
    for dialogue, old, new in (ONLY_IN_OWN_FILE, CONTRADICTED):
        change(folders[dialogue] / "EmoEvaluation" / f"{dialogue}.txt", old, new)
    dialogue, name = BROKEN
    path = folders[dialogue] / "EmoEvaluation" / f"{dialogue}.txt"
    head = next(row for row in path.read_text().splitlines() if f"_{name}\t" in row)
    change(path, head, head.replace(".", ".x", 1))
    talk = folders["Ses01F_impro02"] / "transcriptions" / "Ses01F_impro02.txt"
    text = talk.read_text(encoding="utf-8")
    talk.write_text("(He comes in with an empty box.)\n" + text + "M: Wait for me.\n")
    evaluations = folders["Ses01F_impro02"] / "EmoEvaluation"
    (evaluations / "._Ses01F_impro02.txt").write_bytes(FORK)
    clips = SAMPLE / "Session1" / "sentences" / "wav" / "Ses01F_impro02"
    (clips / "._Ses01F_impro02_F000.wav").write_bytes(FORK)
    own = "Ses01F_impro02_F000 :Neutral state; ()\nSes01F_impro02_F001 :Surprise; :Anger; ()\n"
    write(evaluations / "Self-evaluation" / "Ses01F_impro02_f1_cat.txt", own)


def main() -> None:
    """Write the tree anew."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    dialogues = read_lines(Hibari())
    add_quirks({name: write_dialogue(SAMPLE, name, turns) for name, turns in dialogues.items()})


if __name__ == "__main__":
    main()
