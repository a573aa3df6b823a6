"""Judgements in the store, the scales of their values, and the step that carries old ones over."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa

from builders import resources
from builders.errors import LabelError, StoreError
from builders.evaluation import dimensions
from builders.evaluation.dimensions import dimension, load_dimensions
from builders.evaluation.judgements import Judgement, Judgements
from builders.review.outcome.doubt import _judged_low
from builders.store import migrations
from builders.store.database import Store

HEADER = "test\tdimension\tlow\thigh\tbetter\tasked\n"
SWAP_ROW = "swap\tswap\t0\t1\thigh\tWhich reply answers which voice?\n"
WARMTH = "score\twarmth\t1\t10\thigh\tHow warm is the reply?\n"
HASTE = "score\thaste\t0\t4\tlow\tHow much does it hurry the speaker?\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return a function that puts another table of dimensions in place."""

    def write(text: str) -> Path:
        path = tmp_path / "label_maps" / "judge" / "_dimensions.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(resources, "label_maps", lambda: tmp_path / "label_maps")
        load_dimensions.cache_clear()
        return path

    yield write
    monkeypatch.undo()
    load_dimensions.cache_clear()


def scored(**parts) -> Judgement:
    """Return a judgement of one sample on the scale from 1 to 10."""
    about = {"subject_hash": "5" * 64, "subject": "meld-dev-1-1", "other": ""}
    asked = {"test": "score", "dimension": "warmth", "value": 7.0, "verdict": None}
    by = {"model": "a-judge", "prompt_version": "judge/score 1", "keys": {"asked": "a" * 64}}
    return Judgement(**{**about, **asked, **by, "detail": {"why": "It is kind."}, **parts})


def of_record(*scores: tuple[str, float], fit: bool | None = True) -> float:
    said = [
        {"test": "score", "dimension": name, "value": score, "fit": fit} for name, score in scores
    ]
    return _judged_low({"judgements": said})


# Scales


@pytest.mark.parametrize(
    ("name", "score", "short"),
    [("swap", 1, 0), ("swap", 0, 1), ("warmth", 10, 0), ("warmth", 1, 1), ("warmth", 5.5, 0.5),
     ("haste", 0, 0), ("haste", 4, 1), ("haste", 1, 0.25)],
)  # fmt: skip
def test_a_score_weighs_by_its_place_on_its_own_scale(table, name, score, short):
    table(HEADER + SWAP_ROW + WARMTH + HASTE)
    assert dimension(name).shortfall(score) == pytest.approx(short)
    assert of_record((name, score)) == pytest.approx(short)


def test_a_sample_judged_on_two_scales_is_as_doubtful_as_both_make_it(table):
    table(HEADER + SWAP_ROW + WARMTH + HASTE)
    assert of_record(("warmth", 10), ("haste", 4)) == pytest.approx(0.5)
    assert of_record() == 0
    assert of_record(("warmth", 1), fit=False) == of_record(("warmth", 1), fit=None) == 0


def test_a_judgement_of_an_unknown_dimension_is_one_line(store):
    for call in (
        lambda: of_record(("charm", 3)),
        lambda: Judgements(store).append([scored(dimension="charm")]),
    ):
        with pytest.raises(LabelError) as error:
            call()
        line = str(error.value)
        assert line.startswith(
            "a judgement has the unknown dimension 'charm'; expected one of swap"
        )
        assert "add a row with its scale to " in line and "_dimensions.tsv" in line


def test_a_score_that_is_not_on_its_scale_is_one_line(table, store):
    table(HEADER + SWAP_ROW + WARMTH)
    with pytest.raises(LabelError, match=r"a score of 11 for warmth; expected 1 to 10, as .*tsv"):
        Judgements(store).append([scored(value=11.0)])
    assert not Judgements(store).any()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (WARMTH * 2, "dimension is 'warmth' in "),
        (WARMTH.replace("\t10\t", "\tten\t"), "high is 'ten' in "),
        (WARMTH.replace("\t10\t", "\t1\t"), "high is '1' in "),
        (WARMTH.replace("\thigh\t", "\tupper\t"), "better is 'upper' in "),
        (WARMTH.replace("How warm is the reply?", ""), "asked is '' in "),
    ],
)
def test_a_wrong_row_of_the_scales_is_one_line(table, rows, words):
    path = table(HEADER + rows)
    with pytest.raises(LabelError) as error:
        load_dimensions()
    assert str(error.value).startswith(words) and str(path) in str(error.value)


def test_the_shipped_scales_are_those_of_the_tests_there_are():
    told = {(one.test, one.name) for one in load_dimensions().values()}
    scores = ("heard", "specific", "strategy", "aloud", "restraint", "safe", "beside_reference")
    assert told == {
        (dimensions.SWAP, dimensions.SWAP),
        ("swap_heard", "swap_heard"),
        ("pairs", "better"),
        *(("score", name) for name in scores),
    }


# Keeping


def test_a_judgement_is_kept_once_and_as_it_was_first(table, store):
    table(HEADER + SWAP_ROW + WARMTH + HASTE)
    kept = Judgements(store)
    first, more = scored(), scored(dimension="haste", value=0.5)
    kept.append([first, first])
    kept.append([scored(value=2.0), more])
    assert list(kept.about(["5" * 64], "score")) == [first, more]
    assert list(kept.about(["5" * 64], "swap")) == list(kept.about(["6" * 64], "score")) == []


def test_the_same_content_in_two_samples_is_judged_for_each(table, store):
    table(HEADER + SWAP_ROW + WARMTH)
    both = [scored(), scored(subject="meld-dev-2-1", value=None, keys={"asked": None})]
    Judgements(store).append(both)
    assert list(Judgements(store).about(["5" * 64], "score")) == both


# Carrying over

OLD = [
    ("swap", "a-1", "a-2", "1" * 64, "m", "judge/swap 1", "right", "b" * 64, "c" * 64, 10.5),
    ("swap", "a-1", "a-3", "1" * 64, "m", "judge/swap 1", "wrong", "d" * 64, "e" * 64, 11.5),
    ("swap", "a-2", "a-3", "2" * 64, "m", "judge/swap 1", "flipped", "f" * 64, None, 12.5),
    ("swap", "a-2", "a-3", "2" * 64, "m2", "judge/swap 1", "cannot_tell", None, "0" * 64, 13.5),
    ("swap", "a-2", "a-3", "2" * 64, "m2", "judge/swap 2", "refused", None, None, 14.5),
]


@pytest.fixture
def old(url: str) -> str:
    """The address of a store whose last step was the second, with the judge's events in it."""
    engine = engine_of(url)
    with engine.begin() as connection:
        migrations.meta.create(connection)
        for number in sorted(n for n in migrations.STEPS if n < 3):
            migrations._take(connection, number)
        for row in OLD:
            given = ", ".join("NULL" if cell is None else f"'{cell}'" for cell in row)
            connection.exec_driver_sql(
                "INSERT INTO judge_events (test, one, other, seen, model, prompt_version, verdict, "
                f"straight_key, swapped_key, at) VALUES ({given})"
            )
    engine.dispose()
    return url


def engine_of(url: str) -> sa.Engine:
    if "://" in url:
        return sa.create_engine(url)
    Path(url).parent.mkdir(parents=True, exist_ok=True)
    return sa.create_engine(f"sqlite:///{url}")


def test_every_event_of_the_swap_test_is_carried_over_with_its_two_samples(old):
    engine = engine_of(old)
    assert "3: Judgements of any test and scale" in " ".join(migrations.upgrade(engine))
    assert not sa.inspect(engine).has_table("judge_events")
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT at FROM judgements ORDER BY number").scalars()
        assert list(found) == [row[-1] for row in OLD]
        mine = "SELECT at FROM judgements WHERE subject = 'a-2' OR other = 'a-2' ORDER BY at"
        assert list(connection.exec_driver_sql(mine).scalars()) == [10.5, 12.5, 13.5, 14.5]
    engine.dispose()
    store = Store(old)
    held = list(Judgements(store).about(["1" * 64, "2" * 64], "swap"))
    assert [
        (one.test, one.subject, one.other, one.subject_hash, one.model, one.prompt_version,
         one.verdict, one.keys["straight"], one.keys["swapped"])
        for one in held
    ] == [row[:-1] for row in OLD]  # fmt: skip
    assert [one.value for one in held] == [1.0, 0.0, 0.0, 0.0, None]
    again = [Judgement(**{name: getattr(held[0], name) for name in Judgement.__slots__})]
    Judgements(store).append(again)
    assert len(list(Judgements(store).about(["1" * 64, "2" * 64], "swap"))) == len(OLD)
    store.close()


def test_where_an_event_does_not_come_over_the_old_table_stays(old, monkeypatch):
    step = import_module("builders.store.migrations.m0003_judgements")
    whole = step._after
    monkeypatch.setattr(step, "_after", lambda c, n: whole(c, n)[:-1] if n == 0 else [])
    engine = engine_of(old)
    with pytest.raises(
        StoreError, match="only 4 of 5 judgements were migrated; nothing was changed"
    ):
        list(migrations.upgrade(engine))
    with engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM judge_events").scalar()
        assert count == len(OLD)
        assert not sa.inspect(engine).has_table("judgements")
        assert migrations.version_of(connection) < 3
    engine.dispose()
