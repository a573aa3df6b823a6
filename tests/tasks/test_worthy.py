"""Which utterances are worth a reply: by the words, by the label, by what was said just before."""

from __future__ import annotations

import shutil

import orjson
import pytest
from builds import hearten

from builders import resources
from builders.errors import LabelError
from builders.record.types import Emotions
from builders.tasks.reply import worthy
from builders.tasks.reply.worthy import Before, judged, judged_by_label


def reasons(text: str, *before: Before) -> tuple[bool, tuple[str, ...]]:
    found = judged(text, before, "en")
    return found.worthy, found.reasons


FEELINGS = """\
I am so nervous that my hands are shaking.
We were heartbroken when we heard it.
I hate the way this town looks in winter.
I can't believe you would say that to her.
I wish he would call me just once.
It makes me cry every time I hear that song.
This is so unfair, all of it.
You people never listen to a word I say!
Ugh, there is something slimy in the sink.
Oh my God, you frightened me to death!
I do not know what to do any more.
I'm really proud of what the team did."""
EVENTS = """\
My grandmother died on Sunday.
They fired me in front of everybody.
I finally passed the exam, on the third try.
We are getting married in the spring.
Somebody stole my bike from the yard.
Our flight was canceled twice in one day.
She never called me back after the audition.
I moved here alone after the divorce.
My sister left me a note and went to the coast.
The council threw out our petition."""
NOTHING = """\
The meeting has been moved to four.
Where did you put the other ladder?
She says the shop closes at six on Fridays.
Could you hand me that box, please?
There are two kinds of cheese in the fridge.
You look nice in that coat.
I think the bus stops over there.
I need a cheap hotel in the north, please.
Do you want the red one or the blue one?
Ross will bring the chairs on Saturday."""


@pytest.mark.parametrize("text", FEELINGS.splitlines())
def test_a_feeling_of_ones_own_is_worth_a_reply(text):
    worth, found = reasons(text)
    assert worth and "own_feeling" in found


@pytest.mark.parametrize("text", EVENTS.splitlines())
def test_an_event_of_ones_own_is_worth_a_reply(text):
    worth, found = reasons(text)
    assert worth and "own_event" in found


@pytest.mark.parametrize("text", NOTHING.splitlines())
def test_what_tells_neither_is_not(text):
    assert reasons(text) == (False, ("no_feeling_or_event",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hi Joanna, good morning, how are you?", "only_a_greeting"),
        ("Okay, thank you so much. Bye!", "only_a_greeting"),
        ("Yeah, right, uh huh, I see.", "only_a_backchannel"),
        ("Oh, really? No way! Wow.", "only_a_backchannel"),
        ("I am sad.", "under_four_words"),
        ("In the kitchen.", "under_four_words"),
        ("", "under_four_words"),
        ("😀😀😀", "under_four_words"),
    ],
)
def test_rote_and_short_turns_are_not_and_say_which_they_are(text, reason):
    assert reasons(text) == (False, (reason,))


def test_the_dialogue_before_may_carry_the_event():
    died, asked = Before("My dog died this morning.", True), Before("Oh no. Your dog?", False)
    assert reasons("Yeah.", died, asked) == (True, ("event_before",))
    assert reasons("He was only three.", died, asked) == (True, ("event_before",))
    # Somebody else's event is not the speaker's, unless it is the speaker's news.
    assert not reasons("Yeah.", Before("My dog died this morning.", False))[0]
    assert reasons("When?", Before("Your dog died this morning.", False))[0] is False
    assert reasons("No, please.", Before("Your dog died this morning.", False))[0]
    # What lies further back, or is asked of somebody else, is another matter.
    talk = [Before("Pass the salt.", False), Before("Here it is.", True)] * 2
    assert not reasons("Yeah.", died, *talk)[0]
    assert not reasons("Do you want some tea?", died, asked)[0]


@pytest.mark.parametrize("to", ["you", "him", "Ross", "my mother", "that man"])
def test_it_does_not_matter_to_whom_it_is_said_or_whom_it_is_about(to):
    assert reasons(f"I am so angry with {to} that I could scream.")[0]


def emotions(primary: str, root: str, *alternatives: str) -> Emotions:
    return Emotions(primary, root, "unknown", "unknown", alternatives=alternatives)


@pytest.mark.parametrize(
    ("label", "worth"),
    [
        (emotions("anger", "anger"), True),
        (emotions("neutral", "neutral"), False),
        (emotions("ambiguous", "unknown", "anger", "fear"), True),
        (emotions("ambiguous", "unknown", "anger", "neutral"), False),
        (emotions("ambiguous", "unknown"), False),
    ],
)
def test_where_the_words_are_given_the_label_tells(label, worth):
    assert judged_by_label(label).worthy is worth


def test_a_language_without_tables_is_one_line(monkeypatch):
    with pytest.raises(LabelError, match=r"'de'.*worth a reply.*--no-reply-worthy"):
        judged("Mir geht es schlecht.", [], "de")
    assert judged("I am so sad about it.", [], "en-AU").worthy


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Copy the tables to where they can be changed."""
    folder = tmp_path / "label_maps"
    shutil.copytree(resources.label_maps(), folder)
    monkeypatch.setattr(resources, "label_maps", lambda: folder)
    worthy.load_tables.cache_clear()
    yield folder / "reply_worthy" / "en"
    worthy.load_tables.cache_clear()


def test_a_broken_table_is_named_with_its_line(tables):
    path = tables / "_said_by_rote.tsv"
    path.write_text(path.read_text().replace("backchannel\tyeah", "chatter\tyeah"))
    with pytest.raises(LabelError, match=r"kind is 'chatter'.*_said_by_rote\.tsv:\d+"):
        worthy.load_tables("en")
    (tables / "told.tsv").unlink()
    with pytest.raises(LabelError, match="differ in told"):
        worthy.load_tables("en")


def test_a_word_more_in_a_table_changes_what_is_found(tables):
    assert not judged("The ferry sank off the point.", [], "en").worthy
    with (tables / "own_event.tsv").open("a") as table:
        table.write("hit\t\tferry sank\tNews of weight here.\n")
    worthy.load_tables.cache_clear()
    worthy._signals.cache_clear()
    assert judged("The ferry sank off the point.", [], "en").worthy
    worthy._signals.cache_clear()


def test_tag_says_of_each_utterance_whether_it_is_worth_a_reply(tmp_path):
    rows = [
        {"id": "1", "utterance": "I lost my job yesterday.", "reply": "That is hard."},
        {
            "id": "2",
            "context": [{"role": "user", "text": "I lost my job."}, {"role": "a", "text": "No!"}],
            "utterance": "Yes, yesterday.",
        },
        {"id": "3", "utterance": "Hi there!", "reply": "Hello."},
        {"id": "4", "reply": "Hello."},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    ended = hearten("tag", path)
    assert ended.code == 0, ended.err
    told = [orjson.loads(line) for line in ended.out.splitlines()]
    assert [row.get("reply_worthy") for row in told] == [True, True, False, None]
    assert told[1]["reply_worthy_reasons"] == ["event_before"]
    assert told[2]["reply_worthy_reasons"] == ["only_a_greeting"]


def test_a_third_of_the_real_sad_turns_are_worth_a_reply_and_few_neutral_ones(real_data):
    from collections import Counter

    from builders.corpora import open_reader
    from builders.corpora.reading import Defects, read_split
    from builders.labels.aggregation import load_labelling
    from builders.pipeline.worth import WorthJudge
    from builders.record.types import Dialogue

    reader, labelling = open_reader("meld", real_data / "meld", False), load_labelling("meld")
    judge, left, every = WorthJudge("en", False, True), Counter[str](), Counter[str]()
    for split in reader.splits:
        for item in read_split(reader, "meld", split, Defects.load("meld").without_clips()):
            if isinstance(item, Dialogue):
                labels = [labelling.emotions(utterance) for utterance in item.utterances]
                roots = [label.root if label else "" for label in labels]
                every.update(roots)
                left.update(roots[place] for place, _ in judge.unworthy(item, labels))
    kept = {root: 1 - left[root] / every[root] for root in every}
    assert 0.15 < 1 - left.total() / every.total() < 0.35
    assert kept["sadness"] > 0.3 > 0.2 > kept["neutral"]
