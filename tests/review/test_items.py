import shutil

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from builds import describe
from test_events import ACCEPT, decide, first, names

from builders.errors import LabelError, OutputError
from builders.record.dataset import Build
from builders.review.data.items import content_hash
from builders.review.data.tables import items
from builders.review.outcome import doubt
from builders.review.outcome.doubt import doubt_of, marks_of


@pytest.fixture(params=["sqlite"])
def url(request, tmp_path):
    return str(tmp_path / "hearten.sqlite")


@pytest.fixture
def record(review):
    return next(review.build.rows())


def rewritten(build, to, change):
    """Return a copy of a build whose samples are changed by a function; None drops one."""
    shutil.copytree(build.folder, to)
    for shard in Build(to).shards():
        table = pq.read_table(shard)
        rows = [changed for row in table.to_pylist() if (changed := change(row)) is not None]
        pq.write_table(table.from_pylist(rows, schema=table.schema), shard)
    describe(to)
    return Build(to)


def test_items_are_those_of_the_build_in_its_order(review):
    ids = [record["id"] for record in review.build.rows()]
    assert names(review) == ids
    records = review.build
    for name in ids:
        item = review.queue.item(review.name, name)
        record = records.row(item.shard, item.row)
        assert record["id"] == name and record["audio"] is None
        assert item.seen == content_hash(record)
        assert item.strategies == record["desired_response"]["response_strategy"]
        assert item.emotion == record["target_utterance"]["emotions"]["primary"]


def test_the_clip_of_an_item_is_that_of_its_record(review):
    records = review.build
    for number, record in enumerate(review.build.rows()):
        item = review.queue.item(review.name, record["id"])
        assert item.position == number
        assert records.clip(item.shard, item.row) == record["audio"]["bytes"]


def test_a_build_that_is_known_is_not_gone_through_again(review):
    assert list(review.items.register(review.build)) == []


def test_a_changed_sample_is_asked_again_and_the_others_keep_their_decisions(review, tmp_path):
    changing, kept, gone = names(review)[:3]
    for name in (changing, kept, gone):
        decide(review, review.ann, ACCEPT, name)

    def change(row):
        if row["id"] == changing:
            row["desired_response"]["text"] = "It was worth waiting for you to say that."
        return None if row["id"] == gone else row

    assert list(review.items.register(rewritten(review.build, tmp_path / "meld", change)))
    assert review.queue.item(review.name, changing).submitted == 0
    assert review.queue.item(review.name, kept).submitted == 1
    with pytest.raises(KeyError):
        review.queue.item(review.name, gone)
    assert len(review.reviews.history(review.name)) == 3
    again = {item.item for item in review.queue.next(review.name, review.ann, 100)}
    assert changing in again and kept not in again


def test_a_registration_that_was_cut_off_is_begun_again(review):
    with review.store.engine.begin() as connection:
        connection.execute(sa.delete(items).where(items.c.item == first(review)))
        connection.exec_driver_sql("DELETE FROM review_builds")
    assert list(review.items.register(review.build))[-1] == len(list(review.build.rows()))
    assert review.queue.item(review.name, names(review)[0])


def test_only_files_of_the_build_are_read(review):
    for shard in ("../../hearten.sqlite", "nothing.parquet", "/etc/passwd"):
        with pytest.raises(OutputError, match="no longer in the build"):
            review.build.clip(shard, 0)
    item = review.queue.item(review.name, first(review))
    with pytest.raises(OutputError, match="no longer in the build"):
        review.build.row(item.shard, 10**6)


def test_every_mark_against_a_sample_makes_it_more_doubtful(record):
    emotions = record["target_utterance"]["emotions"]
    plain = record | {
        "drafting": record["drafting"] | {"attempts": 1, "coercions": []},
        "audio_info": record["audio_info"] | {"findings": []},
        "annotation": record["annotation"] | {"agreement": None, "match_leaf": "exact"},
        "target_utterance": record["target_utterance"]
        | {"emotions": emotions | {"alternatives": [], "valence": "negative"}},
        **dict.fromkeys(("checks", "safety", "judgements", "audio_contribution")),
    }
    assert marks_of(plain) == {} and doubt_of(plain) == 0
    rewritten_once = {"field": "emotion", "from": "Joy", "to": "happiness"}
    noted = {"code": "length", "severity": "note", "value": None, "detail": None}
    checked = {"set_version": "1", "results": [noted]}
    judged = [{"test": "swap", "dimension": "swap", "value": 0.25, "model": "m", "fit": True}]
    marked = {
        "coercions": {"drafting": plain["drafting"] | {"coercions": [rewritten_once]}},
        "attempts": {"drafting": plain["drafting"] | {"attempts": 3}},
        "audio_findings": {"audio_info": plain["audio_info"] | {"findings": [{"code": "x"}]}},
        "text_audio_mismatch": {
            "audio_info": plain["audio_info"] | {"findings": [{"code": "text_audio_mismatch"}]}
        },
        "failed_checks": {"checks": checked},
        "judged_low": {"judgements": judged},
        "ambiguous_label": {
            "target_utterance": {"emotions": emotions | {"alternatives": ["fear"]}}
        },
        "votes_apart": {"annotation": plain["annotation"] | {"agreement": 0.6}},
        "unsupported": {"audio_contribution": {"class": "unsupported"}},
        "loose_match": {"annotation": plain["annotation"] | {"match_leaf": "broad"}},
        "sensitive": {"safety": {"route": "sensitive"}},
    }
    assert marked.keys() == doubt._MARKS.keys()
    for mark, change in marked.items():
        assert [*marks_of(plain | change)] == [mark]
        assert doubt_of(plain | change) > 0
    assert marks_of(plain | marked["judged_low"]) == {"judged_low": 0.75}
    # Where the clip says something else, nothing else matters as much.
    worst = plain | {
        "drafting": plain["drafting"] | {"attempts": 9, "coercions": [rewritten_once] * 9},
        "audio_info": plain["audio_info"] | {"findings": [{"code": "x"}] * 9},
        "annotation": plain["annotation"] | {"agreement": 0.0, "match_leaf": "broad"},
        "checks": {"set_version": "1", "results": [noted] * 9},
        "judgements": [judged[0] | {"value": 0}],
        **marked["ambiguous_label"],
        **marked["unsupported"],
        **marked["sensitive"],
    }
    assert marks_of(worst).keys() == marked.keys() - {"text_audio_mismatch"}
    assert doubt_of(plain | marked["text_audio_mismatch"]) > doubt_of(worst)


def test_a_weight_that_is_no_number_is_named(tmp_path, monkeypatch):
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / "_doubt.tsv").write_text("mark\tweight\treason\nattempts\tmuch\tx\n")
    monkeypatch.setattr(doubt.resources, "label_maps", lambda: tmp_path)
    doubt._weights.cache_clear()
    with pytest.raises(LabelError, match="_doubt.tsv:2.*a number"):
        doubt._weights()
    doubt._weights.cache_clear()
