"""People's next turns: what a build tells of them, and where a turn of the corpus is missing."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from builders.record.next_turns import next_turns, next_turns_of, turns_of


def sample(name: str, before: Sequence[str], after: str | None, root: str = "anger") -> dict:
    turns = [{"id": one, "emotion": "joy", "gap_seconds": 0.5} for one in before]
    return {
        "id": name,
        "target_utterance": {"emotions": {"root": root, "primary": root}},
        "text_context": turns,
        "reference_response": after and {"id": after, "speaker": "Jon", "text": "Well rowed."},
    }


TURN = pl.Struct({"id": pl.String, "emotion": pl.String, "gap_seconds": pl.Float64})
AFTER = pl.Struct({"id": pl.String, "speaker": pl.String, "text": pl.String})


def frame(samples: Iterable[dict[str, Any]]) -> pl.DataFrame:
    types = {"text_context": pl.List(TURN), "reference_response": AFTER}
    return pl.DataFrame(list(samples), schema_overrides=types)


def found(*samples: dict[str, Any], others: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    known = next_turns(frame(samples), pl.Series("id", list(others), dtype=pl.String))
    assert known["id"].to_list() == [one["id"] for one in samples]
    return {row["id"].rsplit("-", 1)[1]: row for row in known.iter_rows(named=True)}


def dialogue(numbers: Sequence[Any], place: str = "c-train-1") -> list[dict[str, Any]]:
    """Return samples of a dialogue whose every turn is by somebody else than the one before."""
    names = [f"{place}-{number}" for number in numbers]
    return [sample(n, names[:at], (names[at + 1 :] or [None])[0]) for at, n in enumerate(names)]


def test_turns_in_a_row_have_no_hole():
    rows = found(*dialogue([0, 1, 2, 3]))
    assert [row["hole_after"] for row in rows.values()] == [False] * 4
    assert [row["hole_before"] for row in rows.values()] == [False] * 4
    assert [row["is_direct"] for row in rows.values()] == [True, True, True, False]
    assert rows["0"]["next_root"] == "anger" and rows["0"]["gap_seconds"] == 0.5


def test_both_neighbours_of_a_missing_turn_are_told():
    rows = found(*dialogue([0, 1, 3, 4, 5, 6]))
    assert [name for name, row in rows.items() if row["hole_after"]] == ["1"]
    assert [name for name, row in rows.items() if row["hole_before"]] == ["3"]


def test_a_dialogue_that_begins_late_has_a_hole_before_it():
    rows = found(*dialogue([0, 1, 2]), *dialogue([1, 2], "c-train-2"))
    late = [row["id"] for row in rows.values() if row["hole_before"]]
    assert late == ["c-train-2-1"]


def test_a_turn_that_was_rejected_later_is_there():
    """It stands in the contexts; who speaks it goes on, so the reply is not the very next turn."""
    names = [f"c-train-1-{number}" for number in range(5)]
    one = sample(names[0], [], names[2])
    rows = found(one, *dialogue([3, 4]), others=[names[1], names[2]])
    assert not rows["0"]["hole_after"] and not rows["0"]["is_direct"]
    rows = found(one, *dialogue([3, 4]), others=[names[2]])
    assert rows["0"]["hole_after"]


def test_each_prefix_has_numbers_of_its_own():
    turns = ["F000", "M000", "F001", "M001", "F002", "M003", "F003"]
    rows = found(*dialogue(turns, "iemocap-all-Ses01F"))
    assert [name for name, row in rows.items() if row["hole_after"]] == ["M001", "F002"]
    assert rows["F000"]["is_direct"]


def test_numbers_that_are_no_counts_tell_nothing():
    rows = found(*dialogue([0, 4437, 9084, 12100], "mosei-dev-film"))
    assert not any(row["hole_after"] or row["hole_before"] for row in rows.values())


def test_a_number_without_bounds_is_no_fault():
    rows = found(*dialogue(["0", "1", "9" * 5000]))
    assert not rows["1"]["hole_after"]


def test_a_build_without_dialogues():
    rows = found(sample("crema_d-all-x-1", [], None))
    assert rows["1"]["next_id"] is None and not rows["1"]["hole_after"]


def test_a_label_that_only_a_context_tells():
    names = ["c-train-1-0", "c-train-1-1", "c-train-1-2"]
    rows = found(sample(names[0], [], names[1]), sample(names[2], names[:2], None))
    assert rows["0"]["next_emotion"] == "joy" and rows["0"]["next_root"] is None


def test_the_holes_of_meld_are_those_of_its_tables(real_data: Path):
    samples, holes = [], set()
    for split in ("train", "dev", "test"):
        with (real_data / "meld" / f"{split}_sent_emo.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        dialogues: dict[str, list[tuple[int, str]]] = {}
        for row in rows:
            at = dialogues.setdefault(row["Dialogue_ID"], [])
            at.append((int(row["Utterance_ID"]), row["Speaker"]))
        for number, turns in dialogues.items():
            turns.sort()
            for at, (own, speaker) in enumerate(turns):
                name = f"meld-{split}-{number}-{own}"
                after = next((n for n, who in turns[at + 1 :] if who != speaker), None)
                known = [f"meld-{split}-{number}-{n}" for n, _ in turns[:at]]
                samples.append(sample(name, known[-8:], after and f"meld-{split}-{number}-{after}"))
                between = [n for n, _ in turns if after is not None and own < n <= after]
                if after is not None and len(between) != after - own:
                    holes.add(name)
    told = next_turns(frame(samples)).filter("hole_after")["id"]
    assert set(told) == holes and len(holes) == 100


def test_a_build_read_in_parts_tells_the_same_and_holds_each_turn_once():
    samples = [*dialogue([0, 1, 3, 4, 5, 6]), *dialogue([2, 3, 4], "c-train-2")]
    whole = next_turns(frame(samples))
    parts = [turns_of(frame(samples[at : at + 2])) for at in range(0, len(samples), 2)]
    assert next_turns_of(parts).equals(whole)
    told = turns_of(frame(samples))
    assert (
        len(told.earlier)
        == len(set(told.earlier["id"]))
        < sum(len(one["text_context"]) for one in samples)
    )
    assert "text_context" not in told.found.columns
