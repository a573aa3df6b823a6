"""Make builders/corpora/emowoz/sample: an invented corpus in the shape of EmoWOZ's.

Run by hand when the sample is to change: `PYTHONPATH=tests python tests/make_emowoz_sample.py`. The
text is ours; there is no audio. Quirks, as in the real one: text in tokens, goals with markup and
an entity, none in DialMAGE, a label settled by hand where all annotators differ, a dialogue in no
split (DMAGE904), an id without a dialogue (DMAGE999), one malformed record (turn 4 of MUL9003 has
three annotations and no final one).
"""

import re
import shutil
from pathlib import Path
from typing import Any

from trees_emowoz import dialogue, emotion, make_emowoz_tree, system, user

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "emowoz" / "sample"
# What stands between stars is marked up in the files.
GOALS = {
    "SNG9001": [
        "You want to take a *ferry* to the *north island*",
        "The ferry should leave after *10:15*",
    ],
    "PMUL9002": [
        "You have lost a *rucksack* on a bus",
        "Make sure you get the address of the *police &amp; lost property*",
    ],
    "MUL9003": ["You are looking for a *guesthouse* that takes dogs"],
    "SNG9004": ["You want a table for *4* people at the *blue anchor*. Mind the time."],
}
# dialogue|split|final label|the three annotators' labels|text; the system's turns have no labels
LINES = """
SNG9001|train|0|000|Hello , I need a ferry to the north island after 10:15 .
SNG9001|train|||The Kittiwake leaves at 10:40 and takes fifty minutes . Is that all right ?
SNG9001|train|5|556|Oh , lovely ! My sister has opened a shop there and I have not seen it yet !
SNG9001|train|||Then enjoy your visit . Your reference is K4TT1 .
SNG9001|train|6|666|That is all I need , you have been a real help .
SNG9001|train|||Have a smooth crossing !
PMUL9002|train|1|111|My rucksack is gone , my medicine is in it , and I do not know what to do .
PMUL9002|train|||The police are at 4 Quay Street , and there is a chemist next door .
PMUL9002|train|3|303|Sorry , I told you the wrong bus just now , it was line 7 .
PMUL9002|train|||No harm done . The depot of line 7 answers at 01632 960044 .
PMUL9002|train|6|660|Thank you so much , I will call them right away .
PMUL9002|train|||I hope it turns up .
MUL9003|dev|0|000|Is there a guesthouse near the lighthouse that takes dogs ?
MUL9003|dev|||There are two , the Lantern and Mrs Pell's .
MUL9003|dev|5|505|We are getting married up there in June , so it has to be the prettier one !
MUL9003|dev|||Congratulations ! The Lantern has a garden that goes down to the water .
MUL9003|dev|6|666|The Lantern it is . Please keep it for two nights .
MUL9003|dev|||Done , the reference is LN7RR .
SNG9004|test|0|000|I want a table for four at the Blue Anchor , on Friday at 19:00 .
SNG9004|test|||The Blue Anchor is full on Friday , I am afraid .
SNG9004|test|1|120|What a shame . It is the last evening of my father in this town .
SNG9004|test|||The Net Loft has a table at 19:15 , and the same view .
SNG9004|test|6|606|Good thinking , take that one .
SNG9004|test|||It is yours , under NT2LF .
DMAGE901|train|0|000|I need a train to Overby on Sunday
DMAGE901|train|||There are 14 trains to Overby. What day would you like to travel?
DMAGE901|train|2|220|I have just told you the day.
DMAGE901|train|||What day would you like to travel?
DMAGE901|train|4|442|Sunday! Are you made of wood, you useless tin can?
DMAGE901|train|||I have booked a taxi to the museum for you.
DMAGE902|dev|0|000|find me a swimming pool with warm water in the west
DMAGE902|dev|||The Seal Bath is in the east. The entrance fee is 4 pounds.
DMAGE902|dev|2|222|the east is no use to me, I am staying in the west
DMAGE902|dev|||The Seal Bath is in the east.
DMAGE903|test|3|333|sorry, I meant the station and not the stadium
DMAGE903|test|||Bus 12 goes to the station every ten minutes.
DMAGE903|test|6|665|perfect, that is just what I wanted to know
DMAGE903|test|||Is there anything else?
DMAGE904||0|000|what is the weather like on the pier
DMAGE904||||I can help you with trains, hotels and taxis.
"""
BROKEN = ("MUL9003", 4)


def turn(line: str) -> dict[str, Any]:
    """Return the turn of a line."""
    name, _, final, votes, text = line.split("|")
    if not final:
        return system(text)
    said = user(text, emotion=emotion(int(final), [int(vote) for vote in votes]))
    if name.startswith("DMAGE"):  # where only the system's turns have acts
        del said["metadata"], said["dialog_act"]
    return said


def goal(name: str) -> list[str] | None:
    """Return the goal of a dialogue, marked up; those of DialMAGE have none."""
    span = r"<span class='emphasis'>\1</span>"
    return [re.sub(r"\*(.*?)\*", span, part) for part in GOALS.get(name, ())] or None


def main() -> None:
    """Write the three files anew."""
    turns: dict[str, list[dict[str, Any]]] = {}
    split: dict[str, dict[str, list[str]]] = {}
    for line in LINES.strip().splitlines():
        name, of = line.split("|")[:2]
        if name not in turns and of:
            part = "dialmage" if name.startswith("DMAGE") else "multiwoz"
            split.setdefault(of, {}).setdefault(part, []).append(name)
        turns.setdefault(name, []).append(turn(line))
    turns[BROKEN[0]][BROKEN[1]]["emotion"].pop()
    split["test"]["dialmage"].append("DMAGE999")
    made = {name: dialogue(*said, message=goal(name)) for name, said in turns.items()}
    shutil.rmtree(SAMPLE, ignore_errors=True)
    make_emowoz_tree(
        SAMPLE,
        {name: one for name, one in made.items() if name in GOALS},
        {name: one for name, one in made.items() if name not in GOALS},
        split,
    )


if __name__ == "__main__":
    main()
