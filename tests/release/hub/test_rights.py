"""What may go out: every field by its permissions, and no words of a closed text anywhere."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
from invented import full_record
from publishable import OPEN, invented_text, make_build, sample

from builders.errors import UsageError
from builders.record.parquet import arrow_schema, sample_schema
from builders.record.schema import Validator, load_schema, violations
from builders.release.eligibility import runs
from builders.release.rights import (
    KINDS,
    licence_of,
    needs,
    published_schema,
    terms_of,
    withheld,
    withhold,
)

CLOSED = dict.fromkeys(KINDS, "no")
SETS = [
    frozenset(),
    frozenset({"pointers"}),
    frozenset({"pointers", "derived"}),
    frozenset({"pointers", "text", "labels", "derived"}),
    frozenset({"pointers", *KINDS}),
]


def leaves(node, path=""):
    """Yield the dotted path of everything that a schema describes, lists with []."""
    options = node.get("anyOf", [node])
    node = next(option for option in options if option.get("type") != "null")
    if "properties" in node:
        for name, below in node["properties"].items():
            yield from leaves(below, f"{path}.{name}" if path else name)
    elif "items" in node:
        yield from leaves(node["items"], f"{path}[]")
    else:
        yield path


def text_of(folder):
    """Return all that can be read in a staged folder: text files, and every cell of Parquet."""
    pieces = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            pieces.append(str(table.schema.metadata))
            pieces.append(str(table.to_pylist()))
        elif path.is_file():
            pieces.append(path.read_text("utf-8"))
    return "\n".join(pieces)


def test_a_spoken_reply_needs_the_words_too_and_takes_none_of_the_reply_with_it():
    assert "reply_audio" in withheld(frozenset({"derived"}))
    assert "desired_response" not in withheld(frozenset({"derived"}))
    assert "reply_audio" not in withheld(frozenset({"derived", "text"}))
    assert "reply_audio" in withheld(frozenset({"text"}))
    out = withhold(full_record(), withheld(frozenset({"derived"})))
    assert out["reply_audio"] is None and out["desired_response"]["text"]


def test_what_an_engine_says_may_go_out_where_words_and_what_is_derived_may():
    no_clips = {**OPEN, "audio": "no"}
    assert "audio" in terms_of("emowoz", no_clips, synthetic=True).may
    assert "audio" not in terms_of("emowoz", no_clips).may
    for closed in ("text", "derived"):
        terms = terms_of("emowoz", {**no_clips, closed: "unknown"}, synthetic=True)
        assert "audio" not in terms.may
    words = terms_of("emowoz", no_clips, synthetic=True).as_words()
    assert words == "synthetic audio, text, labels, derived"


def test_every_field_of_the_schema_has_one_row_in_the_table():
    known = needs()
    for leaf in leaves(load_schema("sample")):
        rows = [
            field for field in known if leaf == field or leaf.startswith((f"{field}.", f"{field}["))
        ]
        # The row of a part stands above that of the whole.
        closest = [field for field in rows if not any(one.startswith(f"{field}.") for one in rows)]
        assert len(closest) == 1, f"{leaf} is covered by {closest}"


@pytest.mark.parametrize("may", SETS, ids=lambda may: "+".join(sorted(may)) or "nothing")
def test_what_is_withheld_is_null_and_the_published_schema_holds_it_so(may):
    fields = withheld(may)
    checker = Validator(published_schema(fields))
    record = full_record()
    assert violations(checker, withhold(record, fields)) == []
    assert arrow_schema(published_schema(fields)).equals(sample_schema())
    if fields:
        assert violations(checker, record)


@pytest.mark.parametrize("may", SETS[:-1], ids=lambda may: "+".join(sorted(may)) or "nothing")
def test_nothing_of_a_closed_kind_is_left_in_a_record(may):
    left = str(withhold(full_record(), withheld(may)))
    secrets = {
        "text": [
            "nobody waved",
            "The boot left",
            "Two people at a pier",
            "Did you win",
            "Well rowed",
        ],
        "labels": ["'raw': 'joy'", "female", "activation"],
        "derived": ["What a lovely", "celebrat", "higher than usual", "a-judge"],
        "pointers": ["dia1_utt1", "a" * 64, "d" * 64],
    }
    for kind, words in secrets.items():
        for word in words:
            assert (word in left) == (kind in may), f"{word} of {kind}"


def test_unknown_counts_as_no_and_card_and_record_must_both_say_yes(terms):
    terms(labels="unknown")
    assert terms_of("meld", OPEN).may == {"audio", "text", "derived", "pointers"}
    terms()
    assert "text" not in terms_of("meld", {**OPEN, "text": "no"}).may
    assert "text" not in terms_of("meld", {**OPEN, "text": "unknown"}).may


def test_an_owner_who_forbids_everything_keeps_times_and_digests_too(terms):
    terms(**CLOSED)
    assert terms_of("meld", {**OPEN, **CLOSED}).may == frozenset()
    terms(**{**CLOSED, "text": "unknown"})
    assert terms_of("meld", {**OPEN, **CLOSED}).may == {"pointers"}


def test_a_right_of_ones_own_widens_what_may_go_out(terms):
    terms(audio="no", text="no")
    found = terms_of("meld", OPEN, ("audio:MELD", "labels:meld"))
    assert found.may == {"audio", "labels", "derived", "pointers"}
    assert found.widened == ("audio:meld",)


@pytest.mark.parametrize("word", ["audio", "sound:meld", "audio:"])
def test_a_right_that_is_not_understood_is_a_usage_error(word):
    with pytest.raises(UsageError, match="is not valid; expected KIND:CORPUS"):
        terms_of("meld", OPEN, (word,))


def test_licences_are_spelt_as_the_hub_spells_them():
    assert licence_of("GPL-3.0").hub == "gpl-3.0"
    assert licence_of("ODbL-1.0").hub == "odbl"
    assert licence_of("CC-BY-NC-4.0").hub == "cc-by-nc-4.0"
    assert licence_of("a signed form").hub == "other"


def test_the_published_bytes_hold_no_five_words_of_a_closed_text(tmp_path, terms, release):
    terms(text="no")
    closed = {**OPEN, "text": "no"}
    quoting = " ".join(invented_text(2).upper().split()[3:8])
    across = " ".join(invented_text(7).split()[:5])
    records = [sample(n, rights=closed) for n in (1, 2, 3)]
    records.append(sample(4, rights=closed, reply=f"So {quoting}, is it?"))
    records.append(sample(5, rights=closed, reply=f"So you said {across} then?"))
    records.append(sample(8, rights=closed))
    done = release(make_build(tmp_path / "output" / "b", records), dry_run=True)
    read = text_of(done.staged.folder)
    found = set(runs(re.sub(r"\\n", " ", read)))
    for number in range(9):
        assert not found & set(runs(invented_text(number))), number
    assert "That is good news, number 3!" in read
    assert done.staged.tally.without_reply == {"reply_quotes_unpublished_text": 2}
    assert done.staged.tally.rows["default"] == {"train": 4}
    assert done.staged.tally.rows["utterances"] == {"train": 6}


def test_what_was_heard_in_a_clip_is_as_closed_as_its_text(tmp_path, terms, release):
    terms(text="no")
    closed = {**OPEN, "text": "no"}
    heard = "misheard lanterns in the harbour were all that the model wrote down"
    records = [sample(n, rights=closed) for n in (1, 2)]
    records.append(sample(3, rights=closed, reply="So lanterns in the harbour were nice?"))
    for record in records:
        record["audio_info"]["transcript"] = {
            "model": "a recogniser", "text": heard, "word_error_rate": 0.9
        }  # fmt: skip
        record["audio_info"]["speech"] = {"by": "vad", "share": 0.5, "start": 0.0, "end": 0.1}
    folder = make_build(tmp_path / "output" / "b", records)
    done = release(folder, dry_run=True)
    assert not set(runs(text_of(done.staged.folder))) & set(runs(heard))
    assert done.staged.tally.without_reply == {"reply_quotes_unpublished_text": 1}
    shard = next((done.staged.folder / "data" / "record").glob("*.parquet"))
    (info, *_) = pq.read_table(shard, columns=["audio_info"]).column(0).to_pylist()
    assert info["transcript"] is None and info["speech"]["share"] == 0.5


def test_a_reply_may_quote_what_is_published(tmp_path, terms, release):
    terms()
    record = sample(1, reply=invented_text(1))
    done = release(make_build(tmp_path / "output" / "b", [record]), dry_run=True)
    assert not done.staged.tally.without_reply
    assert invented_text(1) in text_of(done.staged.folder)


def test_ids_and_counts_alone_go_out_where_the_owner_forbids_the_rest(tmp_path, terms, release):
    terms(**CLOSED, licence="IEMOCAP release form")
    records = [sample(n, rights={**OPEN, **CLOSED}) for n in (1, 2, 3)]
    done = release(make_build(tmp_path / "output" / "b", records), dry_run=True)
    assert done.staged.configs == ["utterances"]
    row = pq.read_table(done.staged.files["utterances"]["train"][0]).to_pylist()[0]
    assert row["id"] == "meld-train-1-1"
    nobody = {"id": None, "sex": None, "age": None}
    assert row["target_utterance"] == {
        "speaker": nobody,
        "text": None,
        "emotions": None,
        "flags": None,
    }
    assert row["audio"] is None and row["annotation"]["raw"] is None
    read = text_of(done.staged.folder)
    for secret in (
        "number 2!",
        invented_text(2),
        records[1]["audio_info"]["sha256_pcm"],
        "dia1_utt",
    ):
        assert secret not in read, secret
    assert "| utterances |" not in read and "3 utterances of" in read
    assert "ids and counts only" in read


def test_times_and_digests_go_out_where_rights_are_unknown(tmp_path, terms, release):
    unknown = dict.fromkeys(KINDS, "unknown")
    terms(**unknown)
    records = [sample(n, rights={**OPEN, **unknown}) for n in (1, 2)]
    done = release(make_build(tmp_path / "output" / "b", records), dry_run=True)
    (row, _) = pq.read_table(done.staged.files["utterances"]["train"][0]).to_pylist()
    assert row["audio_info"]["sha256_pcm"] == records[0]["audio_info"]["sha256_pcm"]
    assert row["audio_info"]["duration"] == 0.1
    assert row["target_utterance"]["text"] is None
    assert (
        "Published here: ids, times, digests and counts only."
        in (done.staged.folder / "README.md").read_text()
    )


@pytest.mark.parametrize("route", ["crisis", "exclude"])
def test_an_unsafe_route_never_goes_out_nor_comes_back_as_an_earlier_turn(
    tmp_path, terms, release, route
):
    terms()
    safety = {"route": route, "codes": [], "by": "a test", "pii": {"text": None, "sound": None}}
    records = [sample(1), sample(2, safety=safety), sample(3), sample(5)]
    done = release(make_build(tmp_path / "output" / "b", records), dry_run=True)
    assert done.staged.tally.left_out == {
        f"safety_{route}": 1,
        "next_to_a_left_out_utterance": 1,
    }
    read = text_of(done.staged.folder)
    assert invented_text(2) not in read
    assert "meld-train-1-2" not in read and "meld-train-1-5" in read


def test_what_is_excluded_goes_out_nowhere_and_is_counted(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(n) for n in (1, 2, 3, 5)])
    done = release(
        folder, dry_run=True, excluded=lambda name: name in ("meld-train-1-2", "meld-train-1-4")
    )
    assert done.staged.tally.left_out == {"excluded": 1, "next_to_a_left_out_utterance": 2}
    read = text_of(done.staged.folder)
    assert "meld-train-1-2" not in read and invented_text(2) not in read
