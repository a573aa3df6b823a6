"""The files of a version: configs, rows, what the Hub and `datasets` read of them."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq
import pytest
import yaml
from deciding import decide, edits
from hub.server import card_errors
from publishable import OPEN, invented_text, make_build, sample

from builders.errors import ConfigError, OutputError, VerificationError
from builders.record.folder import read_json, write_json
from builders.record.schema import Validator
from builders.release import rules
from builders.release.hub.files import read_sums
from builders.release.hub.fingerprints import Fingerprint
from builders.release.hub.metadata import files_of
from builders.release.hub.release import write_documents
from builders.release.rules import PublishRules
from builders.review.data.events import Decision

HEARD = {"heard": "grief", "policy": "majority", "votes": [{"emotion": "grief", "count": 2}]}
REVIEW = {"policy": "majority", "reviewers": 3, "ratings": [], "flags": [], "emotion": HEARD}


def reviewed(number, status, **given):
    return sample(number, review={"status": status, **REVIEW}, **given)


def rows_of(done, kind, split="train"):
    return [r for path in done.staged.files[kind][split] for r in pq.read_table(path).to_pylist()]


def head_of(done):
    return yaml.safe_load((done.staged.folder / "README.md").read_text("utf-8").split("---\n")[1])


@pytest.fixture
def staged(tmp_path, terms, release):
    """Stage records under open terms and return what was staged."""

    def run(records, **how):
        terms(**how.pop("card", {}))
        return release(make_build(tmp_path / "output" / "b", records), dry_run=True, **how)

    return run


FLAT = (
    *("id", "audio", "utterance", "emotion", "speaker", "strategy", "reply", "duration", "corpus"),
    *("prompt", "completion", "audio_prompt", "messages"),
)


def test_the_default_config_is_flat_and_the_record_has_all_but_the_clip(staged):
    done = staged([sample(1), sample(2, split="test")])
    (row,) = rows_of(done, "default")
    built = sample(1)
    assert tuple(row) == FLAT
    assert row["audio"] == built["audio"] and row["duration"] == 0.1
    assert row["utterance"] == built["target_utterance"]["text"]
    assert row["emotion"] == built["target_utterance"]["emotions"]["primary"]
    assert row["reply"] == "That is good news, number 1!"
    assert row["completion"] == [{"role": "assistant", "content": row["reply"]}]
    (record,) = rows_of(done, "record")
    assert record == {name: value for name, value in built.items() if name != "audio"}
    head = head_of(done)
    assert [c["config_name"] for c in head["configs"] if c.get("default")] == ["default"]


def test_the_prompt_is_in_words_and_the_audio_prompt_has_the_mark(staged):
    (row,) = rows_of(staged([sample(1)]), "default")
    (said,), (heard,) = row["prompt"], row["audio_prompt"]
    assert invented_text(1) in said["content"] and "<audio>" not in said["content"]
    assert invented_text(1) not in heard["content"] and heard["content"].count("<audio>") == 1
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert row["messages"][0]["content"].count("<audio>") == 1


def test_there_are_words_alone_where_the_clip_does_not_go_out(staged):
    rights = {**OPEN, "audio": "no"}
    (row,) = rows_of(staged([sample(1, rights=rights)], card={"audio": "no"}), "default")
    assert row["audio"] is None and row["audio_prompt"] is None
    for turns in (row["prompt"], row["messages"]):
        assert "<audio>" not in turns[0]["content"]
        assert invented_text(1) in turns[0]["content"]


def test_there_is_the_mark_alone_where_no_words_go_out(staged):
    rights = {**OPEN, "text": "no", "labels": "no"}
    done = staged([sample(1, rights=rights)], card={"text": "no", "labels": "no"})
    (row,) = rows_of(done, "default")
    assert row["prompt"][0]["content"].startswith("<audio>\n")
    assert row["prompt"] == row["audio_prompt"] and row["utterance"] is None
    assert row["emotion"] is None and row["speaker"] is None


def of_two(number):
    one = sample(number, split="dev")
    (before,) = one["text_context"]
    said = [("user", "Hello."), ("assistant", "Hi."), ("assistant", "What is it?")]
    turns = [{**before, "role": role, "text": text} for role, text in said]
    return one | {"text_context": turns}


def test_the_turns_of_two_parties_are_turns_and_one_turn_in_messages(staged):
    (row,) = rows_of(staged([of_two(1)]), "default", "dev")
    assert [turn["role"] for turn in row["prompt"]] == ["user", "assistant", "user"]
    assert [turn["content"] for turn in row["prompt"][:2]] == ["Hello.", "Hi.\nWhat is it?"]
    assert row["prompt"][2]["content"].startswith(invented_text(1))
    assert row["audio_prompt"][2]["content"].startswith("<audio>\n")
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]


def test_a_corpus_without_splits_has_a_train_and_a_validation_apart(staged):
    """Those of one speaker, of one dialogue and of a minimal pair are on one side."""
    records = []
    for n in range(1, 41):
        one = sample(n, split="all")
        one["source"]["dialogue_id"] = f"d{n // 2}"
        one["target_utterance"]["speaker"]["id"] = f"s{n % 20}"
        records.append(one)
    pair = {"group": "same words", "role": "member", "twin_of": []}
    records[0]["contrast"], records[6]["contrast"] = pair, pair
    done = staged(records)
    sides = {
        split: {row["id"]: row for row in rows_of(done, "record", split)}
        for split in ("train", "validation")
    }
    assert len(sides["train"]) + len(sides["validation"]) == 40
    assert len(sides["train"]) >= len(sides["validation"]) > 0
    for told in (
        lambda row: row["source"]["dialogue_id"],
        lambda row: row["target_utterance"]["speaker"]["id"],
        lambda row: (row["contrast"] or {}).get("group", row["id"]),
    ):
        here, there = ({told(row) for row in side.values()} for side in sides.values())
        assert not here & there
    for config in done.staged.configs:
        assert set(done.staged.fingerprints[config]) == {"train", "validation"}, config


def test_one_speaker_alone_is_all_for_training(staged):
    done = staged([sample(n, split="all") for n in range(1, 4)])
    assert done.staged.tally.rows["default"] == {"train": 3}


def test_a_corpus_without_splits_may_be_published_as_it_is(staged):
    done = staged([sample(1, split="all"), sample(3, split="all")], splits="as-is")
    assert done.staged.tally.rows["default"] == {"unsplit": 2}


def test_the_splits_of_a_corpus_keep_their_names(staged):
    done = staged([sample(1), sample(2, split="dev"), sample(3, split="all")])
    assert done.staged.tally.rows["default"] == {"train": 1, "dev": 1, "unsplit": 1}
    names = {part["split"] for c in head_of(done)["configs"] for part in c["data_files"]}
    assert names == {"train", "dev", "unsplit"}


def test_a_clip_lies_in_one_config_only(staged):
    records = [reviewed(1, "accepted"), reviewed(2, "rejected"), sample(3)]
    done = staged(records)
    clips = []
    for kind, splits in done.staged.files.items():
        rows = [row for split in splits for row in rows_of(done, kind, split)]
        clips += [(kind, row["id"][-1]) for row in rows if row.get("audio")]
    assert sorted(clips) == [("default", "1"), ("default", "3"), ("utterances", "2")]


def test_the_files_of_each_config_have_its_columns_and_no_other(staged):
    measured = {"text_votes": 1, "audio_votes": 0.7, "votes": [], "class": "audio_solvable"}
    done = staged([reviewed(1, "accepted", audio_contribution=measured), sample(2)])
    head = head_of(done)
    assert "strong_audio" in done.staged.configs
    for entry in head["dataset_info"]:
        config = entry["config_name"]
        for split in done.staged.fingerprints[config]:
            for path in files_of(done.staged, config, split):
                names = [one["name"] for one in entry["features"]]
                assert pq.read_schema(path).names == names, config
    assert not [entry for entry in head["configs"] if "columns" in entry]


def test_no_word_of_a_model_is_in_the_config_without_model_output(staged):
    done = staged([sample(1)])
    for path in files_of(done.staged, "utterances", "train"):
        assert b"That is good news" not in path.read_bytes()
        assert "That is good news" not in str(pq.read_table(path).to_pylist())


def test_a_config_without_rows_is_not_published(staged):
    done = staged([sample(1)])
    assert done.staged.configs == ["default", "record", "utterances", "prompts"]
    assert [c["config_name"] for c in head_of(done)["configs"]] == done.staged.configs


def test_clips_are_repeated_in_the_small_configs_only_when_asked(staged):
    done = staged([sample(1)])
    (row,) = rows_of(done, "prompts")
    assert "audio" not in row
    assert row["audio_path"] == "meld-train-1-1.flac"
    assert row["audio_sha256"] == sample(1)["audio_info"]["sha256_pcm"]
    assert [turn["role"] for turn in row["prompt"]] == ["user"]
    assert row["solution"] == "That is good news, number 1!"


def test_with_audio_puts_the_clips_into_the_small_configs(staged):
    (row,) = rows_of(staged([sample(1)], with_audio=True), "prompts")
    assert row["audio"]["bytes"] == sample(1)["audio"]["bytes"]


def test_what_people_rejected_is_not_to_be_learned_but_is_a_row_of_kto(staged):
    records = [reviewed(n, s) for n, s in enumerate(("accepted", "rejected", "disputed"), 1)]
    done = staged(records)
    assert [row["id"][-1] for row in rows_of(done, "default")] == ["1"]
    assert [(row["id"][-1], row["label"]) for row in rows_of(done, "kto")] == [
        ("1", True),
        ("2", False),
    ]
    assert done.staged.tally.rows["utterances"] == {"train": 3}
    assert done.staged.tally.without_reply == {
        "reply_rejected_in_review": 1,
        "reply_disputed_in_review": 1,
    }


def staged_with_an_edit(tmp_path, terms, release, draft, text="You carried that alone for long."):
    """Stage two records, the reply to the first of which a person has edited."""
    terms(text="yes" if draft is None else "no")
    rights = OPEN if draft is None else {**OPEN, "text": "no"}
    first = sample(1, rights=rights, **({} if draft is None else {"reply": draft}))
    folder = make_build(tmp_path / "output" / "b", [first, sample(2, rights=rights)])
    decide(folder, {first["id"]: edits(folder, first["id"], text)})
    return release(folder, dry_run=True)


def test_an_edit_and_the_draft_it_replaced_are_a_pair(tmp_path, terms, release):
    done = staged_with_an_edit(tmp_path, terms, release, None)
    (row,) = rows_of(done, "preference")
    assert row["chosen"] == [{"role": "assistant", "content": "You carried that alone for long."}]
    draft = sample(1)["desired_response"]["text"]
    assert row["rejected"] == [{"role": "assistant", "content": draft}]
    assert row["prompt"][-1]["role"] == "user" and row["origin"] == "edit"


def test_a_draft_that_quotes_closed_words_makes_no_pair(tmp_path, terms, release):
    done = staged_with_an_edit(tmp_path, terms, release, f"So {invented_text(1)}?")
    assert done.staged.configs == ["default", "record", "utterances", "kto", "prompts"]


def test_audio_contribution_makes_configs_over_the_same_files(staged):
    measured = {"text_votes": 1, "audio_votes": 0.7, "votes": []}
    classes = ("text_solvable", "audio_solvable", "unsupported", "audio_solvable", None)
    records = [
        sample(n, audio_contribution={**measured, "class": name})
        for n, name in enumerate(classes, 1)
    ]
    done = staged(records)
    assert done.staged.configs == [
        *("default", "record", "utterances", "weak_audio", "strong_audio", "prompts")
    ]
    counts = {
        c["config_name"]: c["splits"][0]["num_examples"] for c in head_of(done)["dataset_info"]
    }
    assert counts == {
        **dict.fromkeys(("default", "record", "utterances", "prompts"), 5),
        **{"weak_audio": 1, "strong_audio": 2},
    }
    files = {path.name for path in done.staged.files["default"]["train"]}
    assert len(files) == 4
    assert not (done.staged.folder / "data" / "strong_audio").exists()


def test_a_synthetic_voice_of_which_something_was_measured_does_not_go_out(staged):
    measured = {"text_votes": 2, "audio_votes": 1.0, "votes": [], "class": "text_solvable"}
    made = sample(1, audio_contribution=measured)
    made["audio_info"]["origin"] = "synthetic"
    with pytest.raises(VerificationError, match="does not fit its schema: audio_contribution"):
        staged([made])


def test_rows_fit_the_schemas_that_are_published_with_them(staged):
    done = staged([reviewed(1, "accepted"), sample(2)])
    for kind, splits in done.staged.files.items():
        path = done.staged.folder / "schemas" / f"{kind}.schema.json"
        checker = Validator(json.loads(path.read_text()))
        for file in splits["train"]:
            for row in pq.read_table(file).to_pylist():
                if row.get("audio"):
                    row["audio"]["bytes"] = None
                checker.validate(row)


def test_the_card_is_one_the_hub_accepts_and_spells_features_the_older_way(staged):
    done = staged([sample(1)])
    assert card_errors((done.staged.folder / "README.md").read_text()) == []
    head = head_of(done)
    assert head["license"] == "odbl"
    features = {f["name"]: f for f in head["dataset_info"][0]["features"]}
    assert features["audio"]["dtype"] == {"audio": {"decode": False, "sampling_rate": 16000}}
    assert features["messages"]["list"][0] == {"name": "role", "dtype": "string"}
    stored = pq.read_schema(done.staged.files["default"]["train"][0]).metadata[b"huggingface"]
    assert isinstance(json.loads(stored)["info"]["features"]["messages"], list)


def test_row_groups_stay_small_and_pages_are_indexed(staged):
    done = staged([sample(n) for n in range(1, 121)])
    meta = pq.ParquetFile(done.staged.files["default"]["train"][0]).metadata
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [100, 20]
    assert meta.row_group(0).column(0).has_offset_index


def test_digests_are_those_of_the_files(staged):
    done = staged([sample(1)])
    sums = read_sums((done.staged.folder / "SHA256SUMS").read_text())
    there = {p.relative_to(done.staged.folder).as_posix() for p in done.staged.folder.rglob("*")}
    files = {path for path in there if (done.staged.folder / path).is_file()}
    assert sums.keys() == files - {"SHA256SUMS", "CHANGELOG.md"}
    for path, digest in sums.items():
        assert hashlib.sha256((done.staged.folder / path).read_bytes()).hexdigest() == digest
    assert {"mappings/emotion/meld.sssom.tsv", "manifest.json", "croissant.json"} <= files


def test_the_published_manifest_names_no_host_and_no_time(staged):
    manifest = (staged([sample(1)]).staged.folder / "manifest.json").read_text()
    assert "a-host-nobody-should-read" not in manifest
    assert "finished" not in json.loads(manifest)["run"]


def test_nothing_of_the_fits_is_published_as_their_digests_tell_who_is_left_out(
    tmp_path, terms, release
):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])
    (folder / "fits").mkdir()
    (folder / "fits" / "survey.json").write_text("{}\n")
    held = json.loads((folder / "manifest.json").read_text())
    held["result"]["fits"] = {"survey": "f" * 64}
    (folder / "manifest.json").write_text(json.dumps(held))
    staged = release(folder, dry_run=True)
    assert not [path for path in staged.sums if "fits" in path or "survey" in path]
    published = (staged.staged.folder / "manifest.json").read_text()
    assert "fits" not in json.loads(published)["result"] and "f" * 64 not in published


def test_staging_twice_gives_the_same_bytes(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1), sample(2)])
    first = release(folder, dry_run=True).sums
    assert release(folder, dry_run=True).sums == first


@pytest.mark.parametrize("text", ["yes", "no"])
def test_the_card_shows_no_words_unless_the_terms_let_it(staged, text):
    done = staged([sample(1, rights={**OPEN, "text": text})], card={"text": text})
    read = (done.staged.folder / "README.md").read_text()
    assert ("An example, `meld-train-1-1`" in read) == (text == "yes")
    assert ("number 1!" in read) == (text == "yes")


def test_the_card_says_unreviewed_or_how_much_was_reviewed(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "a", [sample(1)])
    assert (
        "**unreviewed**" in (release(folder, dry_run=True).staged.folder / "README.md").read_text()
    )
    folder = make_build(tmp_path / "output" / "b", [reviewed(1, "accepted"), sample(2)])
    read = (release(folder, dry_run=True).staged.folder / "README.md").read_text()
    assert "50.0 % of the replies reviewed (1 accepted)" in read
    assert "for 1, reviewers heard an emotion other than the label" in read


def test_the_card_says_which_models_heard_the_clips(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])
    told = read_json(folder / "manifest.json")
    told["result"]["config"] |= {"hear": True, "hear_seconds": 30.0, "caption_model": "an-ear"}
    told["result"]["captions"] = {"kept": 7, "dropped": {"names_feeling": 1}}
    write_json(folder / "manifest.json", told)
    read = (release(folder, dry_run=True).staged.folder / "README.md").read_text()
    assert "received the audio of clips up to 30 seconds" in read
    assert "`an-ear` first described the clips: 7 captions agreed" in read


@pytest.mark.parametrize("rule", ["reviewed_share", "alpha_strategy"])
def test_a_rule_of_the_publisher_that_is_not_met_stops_it(tmp_path, terms, release, rule):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1), sample(2)])
    if rule == "reviewed_share":
        decide(folder, {sample(1)["id"]: Decision("reject", reason="generic")})
    said = {
        "reviewed_share": "1 of 2 samples are reviewed and undisputed; 60% are required",
        "alpha_strategy": "no sample has been reviewed",
    }[rule]
    with pytest.raises(ConfigError, match=f"not met: {rule}: {said}; have more samples reviewed"):
        release(folder, dry_run=True, rules=PublishRules(**{rule: 0.6}))


def test_a_rejection_does_not_lower_the_share(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(n) for n in range(1, 5)])
    for n in (1, 2, 3):
        verdict = Decision("reject", reason="generic") if n > 1 else Decision("accept")
        decide(folder, {sample(n)["id"]: verdict})
    assert release(folder, dry_run=True, rules=PublishRules(reviewed_share=0.75)).staged.configs


def test_rules_come_from_the_settings_and_a_wrong_one_is_named():
    assert rules.read_rules({"publish": {"gated": "manual"}}).gated == "manual"
    with pytest.raises(ConfigError, match="publish.reviewed_share is 7"):
        rules.read_rules({"publish": {"reviewed_share": 7}})


def test_the_phrasebook_is_published_only_when_asked(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)], provider="phrasebook")
    with pytest.raises(ConfigError, match="--allow-phrasebook"):
        release(folder, dry_run=True)
    done = release(folder, dry_run=True, allow_phrasebook=True)
    assert "**Not for training.**" in (done.staged.folder / "README.md").read_text()


def test_a_combined_build_stays_local_and_the_message_says_why(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["result"]["combined"] = [{"corpus": "meld"}]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="combined build cannot be published.*GPL-3.0"):
        release(folder, dry_run=True)


def test_files_that_do_not_match_their_manifest_stop_it(tmp_path, terms, release):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])
    shard = next((folder / "data").iterdir())
    content = bytearray(shard.read_bytes())
    content[40] ^= 1
    shard.write_bytes(content)
    with pytest.raises(VerificationError, match="train-00000-of-00001.parquet has the SHA-256"):
        release(folder, dry_run=True)
    shard.unlink()
    with pytest.raises(VerificationError, match="train-00000-of-00001.parquet is missing"):
        release(folder, dry_run=True)


def test_a_build_that_changes_meanwhile_stops_it(tmp_path, terms, release, monkeypatch):
    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])
    write = write_documents

    def change(*given):
        path = folder / "manifest.json"
        path.write_text(path.read_text().replace("tiny", "other"))
        return write(*given)

    monkeypatch.setattr("builders.release.hub.release.write_documents", change)
    with pytest.raises(OutputError, match="the build changed while it was being published"):
        release(folder, dry_run=True)


def test_a_full_disk_while_staging_is_one_line_and_the_next_run_completes(
    tmp_path, terms, release, monkeypatch
):
    import errno

    from builders.release.hub import documents

    terms()
    folder = make_build(tmp_path / "output" / "b", [sample(1)])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(documents, "write_card", full)
        with pytest.raises(OutputError, match="the disk is full.*free some space and run the same"):
            release(folder, dry_run=True)
    assert release(folder, dry_run=True).staged.configs


def test_a_fingerprint_is_that_of_the_rows_in_any_order():
    rows = [{"b": 1, "a": b"x"}, {"a": b"y", "b": None}]
    one, other, third = Fingerprint(), Fingerprint(), Fingerprint()
    one.add(rows)
    other.add([{"a": memoryview(b"y"), "b": None}])
    other.add([{"a": b"x", "b": 1}])
    third.add([rows[0], rows[0]])
    assert one.as_json() == other.as_json() != third.as_json()


def test_records_under_other_terms_than_the_first_stop_it(tmp_path, terms, release):
    terms()
    records = [sample(1), sample(2, rights={**OPEN, "text": "no"})]
    folder = make_build(tmp_path / "output" / "b", records)
    with pytest.raises(VerificationError, match="meld-train-1-2 has different terms"):
        release(folder, dry_run=True)


def test_words_that_look_like_the_mark_of_a_clip_are_left_out_of_training(staged):
    odd = sample(2)
    odd["target_utterance"]["text"] = "They said <audio> and left."
    odd["text_context"][0]["text"] = "What is <audio> for?"
    done = staged([sample(1), odd])
    assert done.staged.tally.without_reply == {"words_hold_the_mark_of_a_clip": 1}
    assert done.staged.tally.rows["utterances"] == {"train": 2}


@pytest.mark.parametrize(
    ("licence", "hub_id", "more"),
    [
        ("CC-BY-NC-4.0", "cc-by-nc-4.0", {}),
        ("none stated", "other", {"license_name": "none-stated"}),
        (
            "IEMOCAP release form (no redistribution)",
            "other",
            {"license_name": "iemocap-release-form-no-redistribution"},
        ),
    ],
)
def test_the_licence_is_in_the_head_and_in_the_form_for_readers(staged, licence, hub_id, more):
    done = staged([sample(1, rights={**OPEN, "licence": licence})], card={"licence": licence})
    head = head_of(done)
    assert head["license"] == hub_id
    assert more.items() <= head.items()
    asks = " ".join(head["extra_gated_fields"])
    assert ("non-commercial" in asks) == (licence == "CC-BY-NC-4.0")
    assert "identify a speaker" in asks
    assert card_errors((done.staged.folder / "README.md").read_text()) == []
