import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages import Page, make_build, reject, sample, section, written

from builders import report
from builders.errors import VerificationError

HOSTILE = '<script>alert("x")</script> \u202eright to left & \' " </bdi></section>'

RECORDS = [
    sample(0, emotion="anger", strategies=["de_escalation", "inquiry"], turns=2, attempts=3),
    sample(1, emotion="anger", strategies=["de_escalation"], reply="Hold on, let us see."),
    sample(2, turns=1, seconds=1.25, findings=["clip_silent"], match="close"),
    sample(3, turns=1, seconds=40.0, reply=" ".join(["Hold", "on,", "LET", *["us"] * 57])),
    sample(4, "test", reply="Hold on, let me think."),
]
REJECTS = [
    reject("length", "text: it has 70 words; a reply has 3 to 60"),
    reject("length", "text: it has 80 words; a reply has 3 to 60"),
    reject("broken_time", "rows.csv:7: StartTime is 'noon'", "read", "test"),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("builds") / "trial"
    return folder, make_build(folder, RECORDS, REJECTS)


@pytest.fixture(scope="module")
def html(build: tuple[Path, dict[str, Any]]) -> str:
    return written(*build)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_counts_stand_in_a_table_that_adds_up(html: str) -> None:
    counts = section(html, "Counts")
    assert counts.rows == [
        ["split", "read", "= kept", "+ rejected", "+ not selected"],
        ["train", "8", "4", "2", "2"],
        ["test", "2", "1", "1", "0"],
        ["total", "10", "5", "3", "2"],
    ]
    assert "train: 2 limit" in counts.text


def test_the_first_part_says_what_came_out_and_the_contents_lead_to_all_parts(html: str) -> None:
    glance = section(html, "At a glance")
    assert html.index("At a glance</h2>") < html.index("Counts</h2>")
    assert glance.row("kept") == ["kept", "5 of 10 read"]
    assert glance.row("rejected") == ["rejected", "3, most often draft: length (2)"]
    assert glance.row("reviewed") == ["reviewed", "nothing"]
    assert glance.row("audit") == ["audit", "none"]
    assert glance.row("most frequent flag")[1].endswith("1 samples, 20.0 %")
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    listed = re.findall(r'<li><a href="#part-\d+">(.*?)</a></li>', html)
    assert listed == headings and listed[:2] == ["At a glance", "Counts"]


def test_emotions_are_counted_by_split_with_their_share(html: str) -> None:
    assert section(html, "Emotions by split").rows == [
        ["emotion", "train", "test"],
        ["sadness", "2 50.0 %", "1 100.0 %"],
        ["anger", "2 50.0 %", "0 0.0 %"],
    ]


def test_bars_are_as_long_as_their_share_of_the_longest(html: str) -> None:
    tags = section(html, "Emotions by split").tags
    assert [attrs["width"] for tag, attrs in tags if tag == "rect"] == [
        *("50.00%", "100.00%", "50.00%", "0.00%")
    ]


def test_strategies_are_counted_by_emotion_as_a_share_of_its_samples(html: str) -> None:
    found = section(html, "Strategies by emotion")
    assert found.rows == [
        ["emotion", "validation", "de_escalation", "inquiry"],
        ["sadness", "3100.0 %", "0", "0"],
        ["anger", "0", "2100.0 %", "150.0 %"],
    ]
    shades = [attrs["style"] for tag, attrs in found.tags if tag == "td" and "style" in attrs]
    assert shades == ["--shade: 1.000", "--shade: 1.000", "--shade: 0.500"]


def test_reply_lengths_are_counted_in_words_with_their_limits_marked(html: str) -> None:
    lengths = section(html, "Reply length")
    assert lengths.rows == [["words", "samples"], ["5", "2"], ["8", "2"], ["60", "1"]]
    assert "at least 3" in lengths.text and "at most 60" in lengths.text
    assert "Minimum 5, median 8, maximum 60 words." in lengths.text


def test_a_limit_is_drawn_where_its_bar_ends(html: str) -> None:
    tags = section(html, "Reply length").tags
    bars = [attrs for tag, attrs in tags if tag == "rect"]
    limits = [float(a["x1"].rstrip("%")) for t, a in tags if t == "line" and "class" in a]
    last = float(bars[-1]["x"].rstrip("%")), float(bars[-1]["width"].rstrip("%"))
    assert limits[0] == pytest.approx(100 * 3 / 64, abs=0.01)
    assert sum(last) < limits[1] < sum(last) + 100 / 64


def test_context_length_is_counted_in_turns(html: str) -> None:
    turns = section(html, "Context length")
    assert turns.rows == [["earlier turns", "samples"], ["0", "2"], ["1", "2"], ["2", "1"]]


def test_clip_lengths_beyond_the_last_bin_are_gathered(html: str) -> None:
    clips = section(html, "Clip length")
    assert clips.rows == [["seconds", "samples"], ["1 to 1.5", "1"], ["15 or more", "1"]]
    assert "2 clips, 0.01 hours in total." in clips.text


def test_a_build_without_audio_says_so(tmp_path: Path) -> None:
    clips = section(written(tmp_path / "b", make_build(tmp_path / "b", [sample(0)])), "Clip length")
    assert "No sample has audio." in clips.text
    assert "svg" not in dict(clips.tags)


def test_rejects_are_counted_by_stage_and_reason_with_the_first_detail(html: str) -> None:
    found = section(html, "Rejects by stage and reason")
    assert [row[:3] for row in found.rows if len(row) == 4][1:] == [
        ["draft: length", "2", "66.7 %"],
        ["read: broken_time", "1", "33.3 %"],
    ]
    assert "first: text: it has 70 words" in found.text
    assert "80 words" not in found.text


def test_a_share_too_small_to_print_is_not_printed_as_none(tmp_path: Path) -> None:
    rejects = [*[reject("length", "too long")] * 2500, reject("rare", "once")]
    html = written(tmp_path, make_build(tmp_path, [sample(0)], rejects))
    assert section(html, "Rejects by stage and reason").row("draft: rare")[2] == "<0.1 %"


def test_openings_are_the_first_three_words_in_lower_case(html: str) -> None:
    openings = section(html, "Most common reply openings")
    assert openings.rows[1:] == [
        ["hold on, let", "3", "60.0 %", ""],
        ["that is a", "2", "40.0 %", ""],
    ]
    assert "2 different openings" in openings.text
    widths = [attrs["width"] for tag, attrs in openings.tags if tag == "rect"]
    assert widths == ["60.00%", "40.00%"], "a bar is as long as its share of the whole"


def test_label_matches_findings_and_attempts_are_counted(html: str) -> None:
    matches = section(html, "How well the corpus's labels map to ours")
    assert [row[:2] for row in matches.rows if row[0] == "close"] == [["close", "1"]]
    assert [row[:2] for row in matches.rows if row[0] == "exact"] == [
        ["exact", "4"],
        ["exact", "5"],
    ]
    findings = section(html, "Quality flags of clips and annotations")
    assert findings.row("clip_silent")[1:3] == ["1", "20.0 %"]
    attempts = section(html, "Attempts per sample")
    assert attempts.row("1")[1] == "4" and attempts.row("3")[1] == "1"


def test_the_run_has_a_section_of_its_own(html: str) -> None:
    run = section(html, "This run")
    assert run.row("requests") == ["requests", "4,321"]
    assert run.row("prompt tokens") == ["prompt tokens", "98,765"]
    assert run.row("US dollars") == ["US dollars", "0.0123"]
    assert run.row("seconds") == ["seconds", "12.3"]
    assert run.row("finished") == ["finished", "2023-11-14 22:13 UTC"]


def test_an_unknown_price_is_said_to_be_unknown(build: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = build
    manifest = copy.deepcopy(manifest)
    manifest["run"]["cost"]["usd"] = None
    assert "unknown" in section(written(folder, manifest), "This run").row("US dollars")[1]


def test_another_run_changes_only_its_own_section(build: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = build
    other = copy.deepcopy(manifest)
    other["run"] |= {"seconds": 99.0, "requests": 7, "finished": 1_800_000_000.0}
    one, two = (re.split(r"<section|</section>", written(folder, m)) for m in (manifest, other))
    differing = [a for a, b in zip(one, two, strict=True) if a != b]
    assert len(differing) == 1 and "<h2>This run</h2>" in differing[0]


def test_notes_settings_and_digests_are_listed(build: tuple[Path, Any], html: str) -> None:
    notes = section(html, "Notes from reading the corpus")
    assert notes.row("recut_twin_used") == ["recut_twin_used", "test", "132"]
    settings = section(html, "Settings and versions")
    assert settings.row("mapping_version") == ["mapping_version", "7.0.0+abc"]
    assert settings.row("emotions") == ["emotions", "[]"]
    assert settings.row("limit") == ["limit", "5"]
    files, (said, *_) = section(html, "Files"), build[1]["result"]["files"]
    assert files.row(said["path"])[2] == f"{said['bytes']:,}"
    assert said["sha256"] in files.text


@pytest.mark.parametrize(("provider", "warned"), [("phrasebook", True), ("imported", False)])
def test_a_build_of_the_phrasebook_is_marked(
    build: tuple[Path, dict[str, Any]], provider: str, warned: bool
) -> None:
    folder, manifest = build
    manifest = copy.deepcopy(manifest)
    manifest["result"]["config"]["provider"] = provider
    text = Page(written(folder, manifest)).text
    assert ("phrasebook: for trying out, not for training" in text) is warned


def test_the_page_closes_every_element_and_its_pictures_are_xml(html: str, page: Page) -> None:
    assert page.open == []
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 10
    for picture in pictures:
        ElementTree.fromstring(picture)


def test_every_picture_is_named_or_beside_its_numbers(page: Page) -> None:
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    ids = {attrs.get("id") for _, attrs in page.tags}
    for attrs in pictures:
        assert attrs.get("aria-hidden") == "true" or set(attrs["aria-labelledby"].split()) <= ids


def test_the_page_refers_to_nothing_outside(html: str, page: Page) -> None:
    loading = {"src", "href", "srcset", "data", "action", "xlink:href"}
    leading = [attrs for _, attrs in page.tags if loading & attrs.keys()]
    ids = {f"#{attrs['id']}" for _, attrs in page.tags if "id" in attrs}
    assert all(attrs.keys() == {"href"} and attrs["href"] in ids for attrs in leading)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe"})
    assert "url(" not in html and "@import" not in html and "://" not in html


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    long = "x" * 5000
    records = [
        sample(0, text=HOSTILE, reply=HOSTILE),
        sample(1, emotion="anger", text=long, reply="\u0645\u0631\u062d\u0628\u0627 " + long),
    ]
    manifest = make_build(tmp_path / "b", records, [reject("odd", HOSTILE), reject("odd2", long)])
    manifest["result"]["config"]["model"] = HOSTILE
    html = written(tmp_path / "b", manifest)
    page = Page(html)
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count('<script>alert("x")</script> \u202eright to left') == 5
    assert max(map(len, re.findall("x+", page.text))) <= 600


def test_text_is_shown_only_where_it_and_what_is_derived_may_be_published(tmp_path: Path) -> None:
    records = [
        sample(0, emotion="anger", text="Not this.", may_show="unknown"),
        sample(1, emotion="fear", text="Nor that.", may_derive="no"),
        sample(2, emotion="surprise", text="But this."),
    ]
    text = Page(written(tmp_path / "b", make_build(tmp_path / "b", records))).text
    assert "But this." in text
    assert "Not this." not in text and "Nor that." not in text


def test_at_most_three_examples_of_different_emotions_are_shown(tmp_path: Path) -> None:
    emotions = ("anger", "anger", "fear", "surprise", "disgust")
    records = [sample(n, emotion=e, text=f"Utterance {n}.") for n, e in enumerate(emotions)]
    examples = section(written(tmp_path / "b", make_build(tmp_path / "b", records)), "Examples")
    assert re.findall(r"Utterance \d", examples.text) == [f"Utterance {n}" for n in (0, 2, 3)]


def test_a_build_without_rejects_or_samples_is_still_a_page(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "b", make_build(tmp_path / "b", [])))
    assert page.open == []
    assert "Nothing was rejected." in page.text
    assert page.row("train") == ["train", "2", "0", "0", "2"]


def test_the_same_build_gives_the_same_bytes(
    tmp_path: Path, build: tuple[Path, dict[str, Any]], html: str
) -> None:
    again = orjson.loads(orjson.dumps(build[1], option=orjson.OPT_SORT_KEYS))
    assert written(build[0], again) == html
    make_build(tmp_path / "elsewhere", RECORDS, REJECTS)
    assert written(tmp_path / "elsewhere", build[1]) == html


def test_tallies_join_over_batches(
    build: tuple[Path, dict[str, Any]], html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.report.tallies.BATCH", 1)
    assert written(*build) == html


def test_audio_bytes_are_not_read(tmp_path: Path) -> None:
    manifest = make_build(tmp_path, [sample(0, seconds=2.0)])
    before = written(tmp_path, manifest)
    path = tmp_path / "data" / "train-00000-of-00001.parquet"
    group = pq.read_metadata(path).row_group(0)
    chunk = next(
        c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "audio.bytes"
    )
    with path.open("r+b") as stream:
        stream.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        stream.write(b"\xff" * chunk.total_compressed_size)
    with pytest.raises((OSError, pa.ArrowInvalid)):
        pq.read_table(path)
    assert written(tmp_path, manifest) == before


def test_files_that_differ_from_the_manifest_are_an_error(tmp_path: Path) -> None:
    manifest = make_build(tmp_path / "b", RECORDS, REJECTS)
    manifest["result"]["splits"]["train"]["kept"] = 5
    with pytest.raises(VerificationError) as caught:
        report.write(tmp_path / "b", manifest)
    assert str(caught.value) == (
        f"train has 4 samples and 2 rejects in {tmp_path / 'b'}; expected 5 and 2, as the manifest "
        "says; restore the files, or build it again; cached responses are kept"
    )
    assert not (tmp_path / "b" / "report.html").exists()


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "rejected.parquet"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_file_that_is_missing_or_broken_is_one_line(
    tmp_path: Path, name: str, missing: bool
) -> None:
    manifest = make_build(tmp_path, RECORDS, REJECTS)
    (tmp_path / name).unlink()
    if not missing:
        (tmp_path / name).write_bytes(b"PAR1 and then nothing of use PAR1")
    with pytest.raises(VerificationError, match=r"is missing|cannot be read .*; restore it") as e:
        report.write(tmp_path, manifest)
    assert (tmp_path / name).name in str(e.value)


def test_importing_the_report_leaves_pandas_alone() -> None:
    code = "import builders.report, sys; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
