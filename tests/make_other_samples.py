"""Make the samples of MELD Dyadic, DailyDialog and MSP-Podcast: invented, in the real shapes.

Run by hand when they are to change: `PYTHONPATH=tests python tests/make_other_samples.py`. MELD
Dyadic takes turns and clips from our own sample of MELD, some of them twice. The texts of the
others are ours; the sound of MSP-Podcast's is made of harmonics. One record of each is malformed.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from make_named_samples import sound
from trees_crema_d import write_wav

CORPORA = Path(__file__).parent.parent / "builders" / "corpora"
# The new dialogues of each split, as turns of MELD's sample: dialogue and utterance.
DYADIC = {
    "train": [["0 0", "0 1", "0 2"], ["0 1", "0 2"], ["1 2", "1 3", "1 4", "1 5"]],
    "dev": [["0 0", "0 1", "0 2"], ["1 0", "1 1", "1 2"]],
    "test": [["0 0", "0 1", "0 2"], ["1 0", "1 1"]],
}
FOLDERS = {
    "train": "train/train_splits",
    "dev": "dev/dev_splits_complete",
    "test": "test/output_repeated_splits_test",
}
DIALOGUES = {
    "train": [
        ("The lift is out again . I carried everything up nine floors .|1", "Oh , no .|5"),
        ("Guess what ! My sister ’ s coming for a whole month .|4", "How lovely !|4"),
        ("There was a wasp in my glass , and I had already drunk .|3", "What did you do ?|6"),
        ("Somebody has left a fish in the office fridge .|2", "Since when ?|0", "Since June .|2"),
    ],
    "validation": [
        ("Could you tell me where the station is ?|0", "It ' s behind the church .|0"),
        ("My old dog died on Friday .|5", "I ’ m so sorry . How long did you have him ?|5"),
    ],
    "test": [("You got here first ? You never do !|6", "I took the earlier train .|4")],
}
BROKEN = ("One turn . __eou__ Another turn . __eou__", "0")
# File, label, values, speaker, sex, part, votes, text.
TURNS = """
0001_0001|A|5.5 2.0 5.0|11|Male|Train|Angry Angry Disgust|They sold us a boat with a hole in it.
0001_0002|N|3.0 4.0 4.0|11|Male|Train|Neutral Neutral Neutral|We left on a Tuesday, I think.
0002_0001|H|5.0 6.0 4.5|12|Female|Train|Happy Happy Neutral|And then the whole choir stood up.
0002_0002|S|2.0 2.0 3.0|12|Female|Train|Sad Sad Sad|My father never saw the garden.
0003_0001|X|4.0 3.5 4.0|Unknown|Unknown|Train|Angry Sad Concerned|Nobody knows what they wanted.
0003_0002|C|4.0 2.5 5.0|13|Male|Train|Contempt Contempt Angry|He calls that a kitchen.
0004_0001|F|5.0 2.0 2.5|14|Female|Development|Fear Fear Surprise|The handle moved, and I was alone.
0004_0002|U|6.0 5.0 4.0|14|Female|Development|Surprise Surprise Happy|It was under my own hat!
0005_0001|D|4.5 2.0 4.0|15|Male|Test1|Disgust Disgust Disgust|There were hairs in the butter.
0005_0002|N|3.5 4.0 4.0|15|Male|Test1|Neutral Neutral Happy|The second part took a year.
0006_0001|O|4.0 4.0 4.0|16|Female|Test2|Nostalgic Nostalgic Sad|We had that same wallpaper.
0007_0001|H|5.5 6.5 5.0|17|Male|Test3|Happy Happy Happy|She said yes before I had asked.
0007_0002|S|nine 2.0 3.0|17|Male|Test3|Sad Sad Neutral|That was the last winter there.
"""


def dyadic() -> None:
    """Write MELD Dyadic from the sample of MELD; the last row of dev has a broken time."""
    source, target = CORPORA / "meld" / "sample", CORPORA / "meld_dyadic" / "sample"
    shutil.rmtree(target, ignore_errors=True)
    for split, dialogues in DYADIC.items():
        name = f"{split}_sent_emo.csv"
        found = next(path for path in (source / name, source / split / name) if path.is_file())
        with found.open(newline="", encoding="utf-8") as stream:
            rows = {f"{r['Dialogue_ID']} {r['Utterance_ID']}": r for r in csv.DictReader(stream)}
        (target / FOLDERS[split]).mkdir(parents=True)
        written = []
        for dialogue, turns in enumerate(dialogues):
            for utterance, old in enumerate(turns):
                ids = {"Dialogue_ID": dialogue, "Utterance_ID": utterance}
                olds = dict(zip(("Old_Dialogue_ID", "Old_Utterance_ID"), old.split(), strict=True))
                row: dict[str, object] = {**rows[old], **ids, **olds}
                del row["Sr No."]
                written.append(row)
                clip = "dia{}_utt{}.mp4".format(*old.split())
                shutil.copy(source / FOLDERS[split] / clip, target / FOLDERS[split] / clip)
        if split == "dev":
            written[-1]["EndTime"] = "soon"
        with (target / f"{split}_sent_emo_dya.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(written[0]))
            writer.writeheader()
            writer.writerows(written)


def daily_dialog() -> None:
    """Write DailyDialog's files; the last line of train has one emotion for two turns."""
    folder = CORPORA / "dailydialog" / "sample" / "ijcnlp_dailydialog"
    shutil.rmtree(folder, ignore_errors=True)
    for split, dialogues in DIALOGUES.items():
        lines = []
        for dialogue in dialogues:
            turns = [turn.split("|") for turn in dialogue]
            text = "".join(f"{said} __eou__ " for said, _ in turns)
            lines.append((text.rstrip(), " ".join(emotion for _, emotion in turns)))
        lines += [BROKEN] if split == "train" else []
        (folder / split).mkdir(parents=True)
        for name, column in (("", 0), ("emotion_", 1)):
            text = "".join(f"{line[column]}\n" for line in lines)
            (folder / split / f"dialogues_{name}{split}.txt").write_text(text, "utf-8")


def podcast() -> None:
    """Write MSP-Podcast's tables, texts and clips; a value of the last row is no number."""
    folder = CORPORA / "msp_podcast" / "sample"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("Labels", "Transcripts"):
        (folder / name).mkdir(parents=True)
    table = ["FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"]
    blocks = []
    for line in TURNS.strip().splitlines():
        number, label, values, speaker, sex, part, votes, text = line.split("|")
        clip, (act, val, dom) = f"MSP-PODCAST_{number}", values.split()
        table.append(f"{clip}.wav,{label},{act},{val},{dom},{speaker},{sex},{part}")
        blocks.append(f"{clip}.wav; {label}; A:{act}; V:{val}; D:{dom};")
        for rater, vote in enumerate(votes.split(), start=1):
            blocks.append(f"WORKER{rater:08}; {vote}; {vote},Other; A:4.0; V:{rater}.0; D:4.0;")
        blocks.append("")
        (folder / "Transcripts" / f"{clip}.txt").write_text(f"{text}\n", "utf-8")
        write_wav(folder / "Audios" / f"{clip}.wav", sound(number))
    (folder / "Labels" / "labels_consensus.csv").write_text("\n".join(table) + "\n", "utf-8")
    (folder / "Labels" / "Labels.txt").write_text("\n".join(blocks) + "\n", "utf-8")


if __name__ == "__main__":
    dyadic()
    daily_dialog()
    podcast()
