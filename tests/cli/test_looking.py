"""`prompt`, `show --where`, `stats`, `diff`: they say what was sent, built and changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections import Counter

import pytest
from builds import ROOT, command, environment, hearten, manifest, one_line_error, samples
from endpoints import TestEndpoint
from looked_at import PLANNED, TEXT
from net.release import unpacked

from builders.cli.playing import PLAYERS
from builders.record.flat import REJECT, flat_columns

PAGE = ROOT / "docs" / "inspecting.md"
TABLE = "<!-- flat columns: written from schemas/flat_columns.tsv -->\n"


# ---- show ---------------------------------------------------------------------------------------


def test_a_condition_chooses_what_is_shown(edited):
    rows = samples(edited / "output/a")
    angry = {r["id"] for r in rows if r["target_utterance"]["emotions"]["primary"] == "anger"}
    told = ("show", "output/a", "--where", "emotion = 'anger'", "--sample", 40, "--json")
    assert {r["id"] for r in json.loads(hearten(*told, cwd=edited).out)["samples"]} == angry
    some = hearten("show", "output/a", "--where", "emotion = 'anger'", cwd=edited).out
    assert some.count("  emotion    anger") == min(3, len(angry))


def test_an_empty_result_is_said_and_is_no_error(edited):
    ended = hearten("show", "output/a", "--where", "emotion = 'angr'", cwd=edited)
    assert (
        ended.code == 0
        and ended.out == "there is nothing to show: none meets \"emotion = 'angr'\"\n"
    )
    none = hearten("show", "output/a", "--where", "words > 999", "--json", cwd=edited)
    assert json.loads(none.out)["samples"] == []


def test_a_page_holds_the_clips_and_loads_nothing(with_clips, tmp_path):
    folder, page = with_clips[0] / "all", tmp_path / "page.html"
    ended = hearten("show", folder, "--sample", 4, "--html", page)
    assert ended.out == f"{page}: 4 samples\n"
    text = page.read_text()
    clips = {b64decode(one) for one in re.findall(r'src="data:audio/flac;base64,([^"]+)"', text)}
    assert len(clips) == 4 and clips <= {row["audio"]["bytes"] for row in samples(folder)}
    assert "http:" not in text and "https:" not in text and "<script" not in text
    refused = hearten("show", folder, "--html", tmp_path / "no/page.html")
    assert refused.code == 1 and "choose another --html" in one_line_error(refused)


def test_clips_are_played_by_the_player_that_there_is(with_clips, tmp_path):
    folder, bin_ = with_clips[0] / "all", tmp_path / "bin"
    bin_.mkdir()
    none = hearten("show", folder, "--play", PATH=str(bin_))
    assert none.code == 1 and f"expected one of {', '.join(PLAYERS)} on PATH" in one_line_error(
        none
    )
    player = bin_ / "aplay"
    player.write_text(f'#!/bin/sh\n/bin/cp "$2" {tmp_path}/played.wav\n')
    player.chmod(0o755)
    ended = hearten("show", folder, "--play", "--sample", 1, PATH=str(bin_))
    assert ended.code == 0 and (tmp_path / "played.wav").read_bytes()[:4] == b"RIFF"
    player.write_text("#!/bin/sh\necho no sound card >&2\nexit 3\n")
    failed = hearten("show", folder, "--play", "--sample", 1, PATH=str(bin_))
    assert failed.code == 1 and "aplay cannot play a clip (no sound card)" in one_line_error(failed)


# ---- stats --------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_build(edited):
    folder = edited / "output/a"
    rows, told = samples(folder), json.loads(hearten("stats", folder, "--json").out)
    result = manifest(folder)["result"]
    assert told["counts"] == result["counts"] and told["rejected"] == result["rejected"]
    emotions = Counter(
        (r["source"]["split"], r["target_utterance"]["emotions"]["primary"]) for r in rows
    )
    assert {(s, e): n for s, of in told["emotions"].items() for e, n in of.items()} == emotions
    words = sorted(len(r["desired_response"]["text"].split()) for r in rows)
    spread = told["reply_words"]
    assert (spread["least"], spread["most"], spread["count"]) == (words[0], words[-1], len(words))
    assert spread["median"] == words[(len(words) - 1) // 2]
    text = hearten("stats", folder).out
    assert (
        "32 read = 31 kept + 1 rejected" in text
        and "strategies (a reply may have several):" in text
    )


# ---- diff ---------------------------------------------------------------------------------------


def test_a_build_does_not_differ_from_itself(edited):
    found = json.loads(hearten("diff", "output/a", "output/a", "--json", cwd=edited).out)
    assert (found["same"], found["changed"], found["aspects"]) == (31, 0, {})
    assert found["came"]["count"] == found["went"]["count"] == 0 == len(found["reply_changed_with"])


def test_what_came_went_and_changed_is_what_the_records_say(edited):
    a, b = ({r["id"]: r for r in samples(edited / "output" / n)} for n in "ab")
    found = json.loads(
        hearten("diff", "output/a", "output/b", "--examples", 99, "--json", cwd=edited).out
    )
    assert set(found["went"]["examples"]) == a.keys() - b.keys() and found["went"]["count"] > 0
    assert found["came"]["count"] == len(b.keys() - a.keys()) == 0
    before = {n for n in b if a[n]["text_context"] != b[n]["text_context"]}
    words = found["aspects"]["words"]
    assert {one["id"] for one in words["examples"]} == before and words["count"] == len(before)
    for one in words["examples"]:
        assert one["columns"]["before"] == [
            [turn["text"] for turn in of[one["id"]]["text_context"]] for of in (a, b)
        ]
    replies = {n for n in b if a[n]["desired_response"]["text"] != b[n]["desired_response"]["text"]}
    told = found["aspects"].get("reply", {"examples": []})["examples"]
    assert replies <= {one["id"] for one in told}
    assert found["same"] + found["changed"] == len(b)
    back = json.loads(hearten("diff", "output/b", "output/a", "--json", cwd=edited).out)
    assert back["came"]["count"] == found["went"]["count"]


def test_a_reject_of_the_other_build_is_why_a_sample_came(with_clips):
    here, flag, count = with_clips
    found = json.loads(hearten("diff", here / "less", here / "all", "--json").out)
    assert found["came"]["reasons"] == {f"rejected: {flag}": count}
    text = hearten("diff", here / "less", here / "all").out
    assert f"came: {count}\n  rejected: {flag}: {count}\n" in text


def test_replies_changed_with_what_changed_in_their_prompts(asked, tmp_path):
    here, _ = asked
    shutil.copytree(here / "output", tmp_path / "output")
    with TestEndpoint(any_model=True) as endpoint:
        told = (*TEXT, *PLANNED, "--model", "m2", "--base-url", endpoint.base_url, "--show", 0)
        assert hearten("build", *told, "--name", "other", cwd=tmp_path).code == 0
    found = json.loads(hearten("diff", "output/meld", "output/other", "--json", cwd=tmp_path).out)
    assert found["aspects"]["model"]["count"] == 31 and "words" not in found["aspects"]
    assert {*found["reply_changed_with"]} <= {"model"}


def test_builds_of_two_record_versions_are_compared(tmp_path):
    output = unpacked(tmp_path)
    assert hearten("store", "upgrade", output / "hearten.sqlite").code == 0
    assert hearten("upgrade", output / "meld").code == 0
    found = json.loads(hearten("diff", output / "meld", output / "meld@3", "--json").out)
    assert found["changed"] == 0 and found["same"] == found["samples"][0] > 10
    absent = found["not_compared"]
    assert {"checks", "planned", "cases"} <= absent.keys() and "reply" not in absent
    assert all(folders == [str(output / "meld")] for folders in absent.values())
    text = hearten("diff", output / "meld", output / "meld@3").out
    assert f"not compared, as the record of {output / 'meld'} has no such part: " in text
    assert hearten("show", output / "meld", "--where", "emotion = 'neutral'").code == 0
    assert hearten("stats", output / "meld").code == 0


# ---- bad input ----------------------------------------------------------------------------------

WRONG = {
    "prompt alone": (("prompt",), 2, "needs --corpus, or the folder of a build and an ID"),
    "prompt of no id": (("prompt", "output/a"), 2, "the folder of a build and an ID"),
    "prompt of both": (("prompt", "output/a", "x", *TEXT), 2, "exclude each other"),
    "prompt with a limit": (("prompt", "x", *TEXT, "--limit", 2), 2, "an ID and --limit exclude"),
    "prompt of an unknown target": (
        ("prompt", "meld-train-0-44", *TEXT),
        2,
        "did you mean meld-train-0-4?",
    ),
    "prompt of a reject": (("prompt", "meld-train-2-2", *TEXT), 2, "rejected before (broken_time"),
    "prompt of one left out": (
        ("prompt", "meld-train-0-4", *TEXT, "--min-words", 40),
        2,
        "not chosen (min_words); leave out --min-words",
    ),
    "prompt of an unworthy line": (
        ("prompt", "meld-train-0-1", *TEXT, "--reply-worthy"),
        2,
        "add --no-reply-worthy",
    ),
    "prompt of an unknown sample": (("prompt", "output/a", "meld-train-0-44"), 2, "did you mean"),
    "prompt without a source": (("prompt", "--corpus", "meld"), 1, "--source"),
    "prompt of no corpus": (("prompt", "--corpus", "medl", "--sample"), 2, "meld"),
    "no such column": (("show", "output/a", "--where", "emotoin = 'x'"), 2, "did you mean emotion"),
    "wrong type": (("show", "output/a", "--where", "emotion = 3"), 2, "cannot compare string"),
    "two statements": (
        ("show", "output/a", "--where", "emotion = 'x'; drop table y"),
        2,
        "a condition asks no other table",
    ),
    "an id and a condition": (("show", "output/a", "x", "--where", "words > 1"), 2, "exclude"),
    "rejects to play": (("show", "output/a", "--rejected", "--play"), 2, "exclude each other"),
    "diff with nothing": (("diff", "output/a", "output/none"), 1, "output/none"),
    "diff with one unfinished": (("diff", "output/a", "output/begun"), 1, "not complete"),
    "diff with a newer one": (("diff", "output/a", "output/newer"), 1, "has record version 3"),
    "stats of one unfinished": (("stats", "output/begun"), 1, "not complete"),
    "show of one unfinished": (("show", "output/begun"), 1, "not complete"),
}


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_is_one_line(edited, what):
    begun = edited / "output/begun"
    begun.mkdir(exist_ok=True)
    shutil.copy(edited / "output/a/config.json", begun)
    newer = edited / "output/newer"
    newer.mkdir(exist_ok=True)
    told_there = manifest(edited / "output/a")
    told_there["result"]["config"]["schema_version"] = "3"
    (newer / "manifest.json").write_text(json.dumps(told_there))
    told, code, words = WRONG[what]
    ended = hearten(*told, cwd=edited)
    assert ended.code == code and words in one_line_error(ended) and not ended.out


@pytest.mark.parametrize(
    "told",
    [("prompt", *TEXT, "--limit", 31), ("stats", "output/a"), ("diff", "output/a", "output/b")],
)
def test_a_pipe_that_closes_early_is_no_error(edited, told):
    line = f"set -o pipefail; {' '.join(command(*told))} | head -1"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=environment(), cwd=edited
    )
    assert done.stdout.count("\n") == 1 and not done.stderr


# ---- the documented shapes ----------------------------------------------------------------------


def test_the_documented_shapes_are_those_that_are_printed(edited, asked):
    here, _ = asked
    name = samples(here / "output/meld")[0]["id"]
    text = " ".join(PAGE.read_text("utf-8").split())
    for cwd, told in (
        (edited, ("prompt", *TEXT, "--json")),
        (here, ("prompt", "output/meld", name, "--json")),
        (edited, ("show", "output/a", "--json")),
        (edited, ("stats", "output/a", "--json")),
        (edited, ("diff", "output/a", "output/b", "--json")),
    ):
        found = json.loads(hearten(*told, cwd=cwd).out)
        names = [f"`{field}`" for field in found]
        assert all(name in text for name in names), (told, names)
        for field in (*found.get("prompts", [{}])[0], *found.get("requests", [{}])[0]):
            assert f"`{field}`" in text, field


def test_golden_table_of_columns_is_what_conditions_know(request):
    rows = [
        f"| `{one.name}` | {one.type} | {one.meaning} | {one.aspect} |\n"
        for one in flat_columns().values()
    ]
    before, mark, rest = PAGE.read_text("utf-8").partition(TABLE)
    after = rest[rest.index("\nWith `--rejected`") :]
    if request.config.getoption("--update-golden"):
        PAGE.write_text(before + mark + "".join(rows) + after, "utf-8")
    assert PAGE.read_text("utf-8") == before + mark + "".join(rows) + after
    listed = ", ".join(f"`{name}`" for name in [*flat_columns(REJECT)][:-1])
    assert f"{listed} and `raw`" in after
