"""A good model and sick ones, canned: the replies of a build each, through the checks of the set.

The good one replies with half of our own demonstrations, and people speak with the other half.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from pages import make_build, sample

from builders.record.manifest_views import SetCheck
from builders.report.set_checks import check_set, telling
from builders.tasks.reply.demonstration_tables import built_in, read_cases
from builders.tasks.reply.tagging import tag

Said = tuple[str, str]  # words, and the emotion that they are spoken in
Model = Callable[[Said, Said], Said]  # what was said before, what the good model replies

_TURNS = 6
_SENTENCES = re.compile(r"[^.!?]+[.!?]+")


def acts(text: str) -> list[str]:
    return [one.strategy for one in tag(text, "negative") if one.strategy != "unknown"]


@cache
def halves() -> tuple[list[Said], list[Said]]:
    """Return what the good model and people say: one to three sentences of our cases."""
    cases = [(case.reply, case.reply_emotion) for case in read_cases(built_in("en"))]
    random.Random(5).shuffle(cases)
    half = len(cases) // 2
    return _mixed(cases[:half]), _mixed(cases[half:])


def _mixed(cases: list[Said]) -> list[Said]:
    """Return the cases, then twice as many of their sentences in another company."""
    draw, found = random.Random(9), [*cases]
    parts = [(part, emotion) for text, emotion in cases for part in _SENTENCES.findall(text)]
    for _ in range(2):
        draw.shuffle(parts)
        pairs = zip(parts[::2], parts[1::2], strict=False)
        found += [(f"{one} {other}", emotion) for (one, emotion), (other, _) in pairs]
    draw.shuffle(found)
    return found


def measured(folder: Path, model: Model) -> list[SetCheck]:
    """Return what the set checks find in a build whose replies a model made."""
    records = []
    ours, people = halves()
    for number, (good, said) in enumerate(zip(ours, people, strict=False)):
        one = sample(number, text=said[0], turns=1 if number % _TURNS else 0)
        before = people[number - 1]
        if one["text_context"]:
            one["text_context"][0] |= {"role": "other", "text": before[0]}
        text, emotion = model(before, good)
        one["desired_response"] |= {"text": text, "emotion": emotion}
        one["target_utterance"]["emotions"] |= {"root": said[1], "valence": "negative"}
        one["source"]["dialogue_id"] = str(number // _TURNS)
        one["reference_response"] = None
        if number % _TURNS:
            following = {"id": one["id"], "speaker": "Bo", "text": said[0]}
            records[-1]["reference_response"] = following
        records.append(one)
    make_build(folder, records)
    return check_set(sorted((folder / "data").glob("*.parquet")))


def good(before: Said, reply: Said) -> Said:
    return reply


def same_reply(before: Said, reply: Said) -> Said:
    return "I am sorry to hear that.", reply[1]


def same_opener(before: Said, reply: Said) -> Said:
    return f"It sounds like {reply[0]}", reply[1]


def one_template(before: Said, reply: Said) -> Said:
    return f"That makes sense, {reply[0].split()[0]}. What happened {reply[0].split()[-1]}?", reply[
        1
    ]


def one_emotion(before: Said, reply: Said) -> Said:
    return reply[0], "neutral"


def one_act(before: Said, reply: Said) -> Said:
    return f"Anyone would feel that way about {' and '.join(reply[0].split()[:4])}.", reply[1]


def keeps_the_act(before: Said, reply: Said) -> Said:
    """Reply as the good model does to something that was answered with the same act."""
    wanted = set(acts(before[0]))
    fitting = [one for one in halves()[0] if wanted & set(acts(one[0]))]
    return random.Random(reply[0]).choice(fitting) if fitting else reply


def test_the_good_model_passes(tmp_path: Path) -> None:
    found = measured(tmp_path / "b", good)
    assert telling.lines(found) == []
    assert {one["code"] for one in found if one["people"] is None} == set()


@pytest.mark.parametrize(
    ("model", "code", "line"),
    [
        (same_reply, "same", "100.0 % of the replies are word for word another reply"),
        (same_opener, "opener", "begin with the same three words (it sounds like)"),
        (one_template, "template", "one template (validation, then open_ended_questioning) fits "),
        (one_emotion, "emotions", "replies are spoken in few emotions: entropy 0.00 bits"),
        (
            one_act,
            "sequences",
            "replies do few things in few orders: entropy of their sequences of ",
        ),
        (keeps_the_act, "acts_kept", "of the replies do again what the turn before did"),
    ],
)
@pytest.mark.slow
def test_each_sickness_is_named(model: Model, code: str, line: str, tmp_path: Path) -> None:
    found = measured(tmp_path / "b", model)
    assert code in {one["code"] for one in found if one["out"]}
    assert any(line in said for said in telling.lines(found))


def test_replies_longer_than_what_people_say_are_compared_with_turns_of_any_length(
    tmp_path: Path,
) -> None:
    """Without it nothing would be said of long replies that are all the same."""
    long = " ".join(["I am sorry to hear that, and I am here."] * 5)
    (same,) = [
        one
        for one in measured(tmp_path / "b", lambda _, reply: (long, reply[1]))
        if one["code"] == "same"
    ]
    assert same["out"] and same.get("any_length")
    (line,) = [said for said in telling.lines([same]) if "word for word" in said]
    assert line.endswith(" turns of any length)")
