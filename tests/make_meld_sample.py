"""Make builders/corpora/meld/sample: an invented corpus in the shape of MELD's.

Run by hand when the sample is to change: `pip install hibari-tts`, then
`PYTHONPATH=tests python tests/make_meld_sample.py`. The text is ours; a voice engine speaks it.
Quirks, as in the real one: a gap in utterance ids and a joint speaker (train dialogue 0), a
dialogue that does not begin at 0 (train 1), a one-digit hour and a two-digit fraction (train 3),
control characters for punctuation (train), double spaces, a wrongly cut test clip beside its
re-cut twin, surprise with either sentiment, one malformed record (a broken time in train 2).
"""

import shutil
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray
from trees import CLIP_RATE, MELD_CLIPS, meld_row, stereo, surround, write_meld_csv, write_mp4

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "meld" / "sample"
# How fast the one voice of the engine is played for each speaker: slower is lower.
SPEEDS = {"Marta": 1.0, "Jonas": 0.86, "Devin": 0.91, "Priya": 1.07, "Nurse #2": 0.96}
EPISODES = {
    "train": [(2, 3), (2, 5), (3, 1), (4, 9)],
    "dev": [(1, 7), (2, 2)],
    "test": [(1, 4), (3, 6)],
}
# split, dialogue, utterance, speaker, emotion, sentiment, text
LINES = """
train|0|0|Marta|fear|negative|Nobody move. I just dropped my grandmother’s ring down the sink.
train|0|1|Jonas|surprise|negative|Wait, the one with the green stone?
train|0|2|Marta|sadness|negative|Yes, that one…  I only wore it because of the interview.
train|0|4|Priya|neutral|neutral|Hold on. There is a bend under the basin, it may still be in there.
train|0|5|Jonas|joy|positive|I’ve got it! I’ve got it, and I’m covered in slime!
train|0|6|Marta and Priya|disgust|negative|Oh, that is disgusting!
train|1|2|Devin|surprise|negative|You read my letter?
train|1|3|Jonas|neutral|neutral|It was open on the table. I thought it was the gas bill.
train|1|4|Devin|anger|negative|You read all of it—and then you told everybody at work!
train|1|5|Jonas|sadness|negative|I told one person. Fine, I told two, and I feel awful about it.
train|2|0|Priya|joy|positive|They called. I start on Monday!
train|2|1|Devin|surprise|positive|No way!  You got the job at the observatory?
train|2|2|Priya|joy|positive|I got the job at the observatory!
train|2|3|Devin|joy|positive|I’m buying dinner tonight, and I never buy dinner.
train|3|0|Nurse #2|neutral|neutral|Your brother is still in surgery. You can wait in here.
train|3|1|Marta|fear|negative|Did they say how long it would take?
train|3|2|Nurse #2|neutral|neutral|They did not, but I will come and tell you.
train|3|3|Jonas|sadness|negative|I should have driven him myself.
dev|0|0|Priya|disgust|negative|Is this milk from March?
dev|0|1|Devin|joy|positive|It’s cheese now. You are welcome.
dev|0|2|Priya|anger|negative|You are washing that jug, and you are doing it right now.
dev|1|0|Jonas|neutral|neutral|The last bus leaves at six.
dev|1|1|Marta|joy|positive|Then we have time for one more song!
dev|1|2|Jonas|fear|negative|We don’t. It’s ten to six and we are still on the roof.
test|0|0|Devin|surprise|positive|You came! You really came!
test|0|1|Marta|joy|positive|Of course I came. It’s your first concert.
test|0|2|Devin|sadness|negative|There are nine people in there, and three of them are my aunts.
test|0|3|Marta|neutral|neutral|Then nine people will hear you play.
test|1|0|Priya|anger|negative|Who put a padlock on the fridge?
test|1|1|Jonas|sadness|negative|I did. Somebody ate my birthday cake.
test|1|2|Priya|surprise|negative|That was yours? It had been standing there for a week!
test|1|3|Jonas|disgust|negative|So you ate cake that was a week old.
"""
BROKEN = ("train", "2", "2")
TWO_DIGITS = ("train", "3", "2")
RECUT = ("test", "0", "2")


def speak(engine: Hibari, speaker: str, text: str) -> NDArray[np.float32]:
    """Return a line spoken, at 48 kHz; its length is a multiple of 10 ms."""
    speed = SPEEDS[speaker.split(" and ")[0]]
    voice = soxr.resample(np.asarray(engine(text, seed=0), np.float32), 24_000 * speed, CLIP_RATE)
    voice = voice[: len(voice) // 480 * 480]
    return (voice * 0.5 / np.abs(voice).max()).astype(np.float32)


def clock(milliseconds: int, key: tuple[str, str, str]) -> str:
    """Return a time as the corpus writes it, with the quirks of train dialogue 3."""
    seconds, fraction = divmod(milliseconds, 1000)
    hours = "0" if key[:2] == TWO_DIGITS[:2] else "00"
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02},{fraction:03}"


def annotated(line: str, start: int, end: int) -> dict[str, str]:
    """Return the row of a line that is spoken from `start` to `end`, in milliseconds."""
    split, dialogue, utterance, speaker, emotion, sentiment, text = line.split("|")
    key = (split, dialogue, utterance)
    season, episode = EPISODES[split][int(dialogue)]
    until = clock(end, key)
    return meld_row(int(dialogue), int(utterance)) | {
        "Utterance": text,
        "Speaker": speaker,
        "Emotion": emotion,
        "Sentiment": sentiment,
        "Season": str(season),
        "Episode": str(episode),
        "StartTime": clock(start, key),
        "EndTime": {BROKEN: f"{until[:-5]}x{until[-4:]}", TWO_DIGITS: until[:-1]}.get(key, until),
    }


def write_clips(key: tuple[str, str, str], sound: NDArray[np.float32]) -> None:
    """Write the clip of a line; where there is a re-cut, the plain-named clip is too long."""
    folder = SAMPLE / key[0] / MELD_CLIPS[key[0]]
    folder.mkdir(parents=True, exist_ok=True)
    name = f"dia{key[1]}_utt{key[2]}.mp4"
    if key == RECUT:
        write_mp4(folder / f"final_videos_test{name}", sound, bit_rate=32_000)
        sound = np.concatenate([sound, sound], axis=1)
    write_mp4(folder / name, sound, bit_rate=32_000)


def put_controls_for_punctuation(path: Path) -> None:
    """Make a file what releases before November 2020 were."""
    content = path.read_bytes()
    for mark in "’…—":
        content = content.replace(mark.encode(), chr(mark.encode("cp1252")[0]).encode())
    path.write_bytes(content)


def main() -> None:
    """Write the annotation files and the clips anew."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    engine, now = Hibari(), 0
    rows: dict[str, list[dict[str, str]]] = {split: [] for split in MELD_CLIPS}
    for number, line in enumerate(LINES.strip().splitlines()):
        split, dialogue, utterance, speaker, *_, text = line.split("|")
        voice = speak(engine, speaker, text)
        start, now = now + 200, now + 200 + round(len(voice) / CLIP_RATE * 1000)
        rows[split].append(annotated(line, start, now) | {"Sr No.": str(len(rows[split]) + 1)})
        sound = surround(voice, number) if number % 4 == 0 else stereo(voice)
        write_clips((split, dialogue, utterance), sound)
    for split in ("dev", "test"):
        write_meld_csv(SAMPLE / f"{split}_sent_emo.csv", rows[split])
    # The training file comes out of train.tar.gz, and so lies one level down.
    train = write_meld_csv(SAMPLE / "train" / "train_sent_emo.csv", rows["train"])
    put_controls_for_punctuation(train)


if __name__ == "__main__":
    main()
