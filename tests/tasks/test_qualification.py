"""What models qualify by: the lines, the sounds, the bounds, and how answers are marked."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest
from endpoint.telling import compared

from builders import resources
from builders.audio.compared_sounds import one_after_the_other
from builders.corpora import slugs
from builders.errors import ConfigError, LabelError
from builders.llm.request import key
from builders.record.types import CANNOT_TELL
from builders.tasks import qualification
from builders.tasks.qualification import bounds, listening, load_lines, load_sounds, reading

HERE = ("http://127.0.0.1:1/v1",)
ROOTS = ("happiness", "sadness", "anger", "fear", "disgust", "surprise", "neutral")


def reader(addresses=HERE, model="a-reader", language="en"):
    return reading(model, addresses, language, 400)


def marks(answer_to) -> tuple[dict[str, int], bool]:
    """Return how many of each part are right, and whether a reader qualifies, by its answers."""
    found = reader().marked(
        {subject.id: {"emotion": answer_to(subject)} for subject in reader().subjects}
    )
    return {part["part"]: part["right"] for part in found["parts"]}, found["qualified"]


def test_half_of_the_lines_tell_an_emotion_as_often_each_and_half_tell_none():
    emotions = Counter(emotion for emotion, _ in load_lines("en"))
    assert emotions.pop(CANNOT_TELL) == 100 and emotions.total() == 100
    assert set(emotions) == set(ROOTS) and max(emotions.values()) - min(emotions.values()) <= 1


def test_no_line_is_in_a_sample_of_a_corpus_or_names_two_kinds():
    said = " ".join(
        re.sub(r"[^a-z']+", " ", path.read_text(errors="ignore").lower())
        for slug in slugs()
        for path in (resources.corpora() / slug / "sample").rglob("*")
        if path.suffix in {".csv", ".json", ".txt", ".tsv"}
    )
    for _, line in load_lines("en"):
        assert f" {re.sub(r'[^a-z]+', ' ', line.lower()).strip()} " not in said
        assert len(line.split()) >= 4, line


@pytest.mark.parametrize("root", [*ROOTS, CANNOT_TELL])
def test_who_always_answers_the_same_does_not_qualify(root):
    right, qualified = marks(lambda subject: root)
    assert not qualified
    assert right == ({"told": 0, "not_told": 100} if root == CANNOT_TELL else right)
    assert right["told"] <= 15


def test_who_takes_the_first_option_does_not_qualify():
    def first(subject):
        schema = reader().task.first_request(subject).schema.document
        return schema["properties"]["emotion"]["enum"][0]

    right, qualified = marks(first)
    assert not qualified and right["told"] < 40 and right["not_told"] < 40


def test_as_much_as_the_bounds_say_is_enough_and_one_less_is_not():
    wanted = {s.id: e[0].value for s, e in zip(reader().subjects, reader().expected, strict=True)}
    told = [name for name, emotion in wanted.items() if emotion != CANNOT_TELL]
    silent = [name for name, emotion in wanted.items() if emotion == CANNOT_TELL]
    for wrong, qualified in ((told[:30], True), (told[:31], False), (silent[:20], True)):
        answers = {name: {"emotion": e} for name, e in wanted.items() if name not in wrong}
        assert reader().marked(answers)["qualified"] is qualified
    found = reader().marked({name: {"emotion": e} for name, e in wanted.items()})
    assert [part["right"] for part in found["parts"]] == [100, 100]
    assert found["parts"][0]["low"] < 1.0 == found["parts"][0]["high"]


def test_no_right_answer_is_in_a_request_and_cannot_tell_is_always_offered():
    examined = reader()
    for subject in examined.subjects:
        assert subject.emotions.root == "unknown"
        request = examined.task.first_request(subject)
        assert f"- {CANNOT_TELL}: " in request.messages[0]["content"]
        assert set(request.schema.document["properties"]["emotion"]["enum"]) == {
            *ROOTS,
            CANNOT_TELL,
        }


def test_another_model_or_server_is_asked_anew_and_the_same_one_is_not():
    def keys(examined):
        return [key(examined.task.first_request(subject)) for subject in examined.subjects[:3]]

    there = ("http://127.0.0.1:2/v1",)
    assert keys(reader()) == keys(reader(addresses=("http://127.0.0.1:1/v1/",)))
    assert keys(reader(language="en-AU")) == keys(reader())
    assert not set(keys(reader())) & set(keys(reader(addresses=there)))
    assert not set(keys(reader())) & set(keys(reader(model="another")))
    assert keys(listening("an-ear", HERE)) != keys(listening("an-ear", there))


def test_the_sounds_are_as_the_table_says_and_no_place_is_right_more_often():
    right: Counter[tuple[str, str]] = Counter()
    for (_, first, second), expected in zip(
        load_sounds(), listening("an-ear", HERE).expected, strict=True
    ):
        pcm = one_after_the_other(first, second)
        assert len(pcm) == int(3.7 * 16000)
        assert compared(pcm.tobytes()) == {one.field: one.value for one in expected}
        right.update((one.part, one.value) for one in expected)
    assert set(right.values()) == {20}


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("en.tsv", "anger\tYou read", "rage\tYou read", "emotion is 'rage'"),
        ("bounds.tsv", "told\t0.7", "told\t70", "least is '70'.*a number from 0 to 1"),
        ("sounds.tsv", "p01\t127", "p01\tlow", "first_pitch is 'low'.*a number from 50 to 500"),
        ("sounds.tsv", "p01\t127\t4.2\t95", "p01\t95\t4.2\t95", "another number than that of the"),
    ],
)
def test_a_broken_cell_is_named(changed_prompts, file, old, new, message):
    changed_prompts(file, old, new)
    with pytest.raises(LabelError, match=message) as refused:
        load_lines("en"), bounds(), load_sounds()
    assert file in str(refused.value)


def test_a_missing_bound_and_lines_of_one_kind_are_named(changed_prompts):
    changed_prompts("bounds.tsv", "pace\t0.8", "# pace\t0.8")
    with pytest.raises(ConfigError, match="no row for pace"):
        bounds()
    changed_prompts("en.tsv", "cannot_tell\t", "anger\t")
    with pytest.raises(ConfigError, match="all lines are of one kind"):
        load_lines("en")


def test_no_model_qualifies_in_a_language_without_lines():
    with pytest.raises(ConfigError, match=r"words in 'de'.*expected a table de\.tsv"):
        reader(language="de")


@pytest.fixture
def changed_prompts(tmp_path, monkeypatch):
    """Return a function that replaces a text in a copy of a table of items."""
    cached = (load_lines, load_sounds, qualification._bounds)
    folder = tmp_path / "qualification"
    shutil.copytree(resources.prompts() / "qualification", folder)
    monkeypatch.setattr(resources, "prompts", lambda: tmp_path)

    def change(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        for one in cached:
            one.cache_clear()

    yield change
    for one in cached:
        one.cache_clear()
