import pytest

from builders.errors import ConfigError, VerificationError
from builders.record.folder import write_json
from builders.record.manifest import Ledger, read_manifest, summary_line


def ledger() -> Ledger:
    counted = Ledger()
    counted.read("dev", 4)
    counted.read("test", 1)
    counted.kept("dev")
    counted.rejected("dev", "length")
    counted.not_selected("dev", "limit")
    counted.rejected("test", "length")
    counted.held("dev", "crisis")
    return counted


def test_every_utterance_is_on_both_sides_of_the_ledger():
    counted = ledger()
    assert counted.by_split() == {
        "dev": {
            "read": 4,
            "kept": 1,
            "rejected": {"length": 1},
            "held": {"crisis": 1},
            "not_selected": {"limit": 1},
        },
        "test": {"read": 1, "kept": 0, "rejected": {"length": 1}, "held": {}, "not_selected": {}},
    }
    totals = {"read": 5, "kept": 1, "rejected": 2, "held": 1, "not_selected": 1}
    assert counted.totals == totals
    line = "5 read = 1 kept + 2 rejected + 1 held for people + 1 not selected"
    assert summary_line(counted.totals) == line
    assert summary_line(totals | {"held": 0}) == "5 read = 1 kept + 2 rejected + 1 not selected"


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (lambda counted: counted.read("dev", 1), "dev: 5 read, but 4 accounted for"),
        (lambda counted: counted.kept("dev"), "dev: 4 read, but 5 accounted for"),
        (lambda counted: counted.rejected("dev", "length"), "dev: 4 read, but 5 accounted for"),
        (lambda counted: counted.held("dev", "crisis"), "dev: 4 read, but 5 accounted for"),
        (lambda counted: counted.not_selected("dev", "limit"), "dev: 4 read, but 5 accounted for"),
        (lambda counted: counted.kept("train"), "train: 0 read, but 1 accounted for"),
    ],
)
def test_a_ledger_that_does_not_add_up_says_so(count, line):
    counted = ledger()
    count(counted)
    with pytest.raises(RuntimeError, match=line):
        counted.by_split()


def test_reasons_come_commonest_first():
    counted = ledger()
    counted.rejected("dev", "refusal")
    counted.rejected("dev", "empty")
    assert list(counted.reasons.items()) == [("length", 2), ("empty", 1), ("refusal", 1)]


def test_what_is_left_without_an_answer_is_counted_by_kind():
    counted = ledger()
    for kind in ("stopped", "timeout", "stopped"):
        counted.left(kind)
    assert counted.left_by_kind == {"stopped": 2, "timeout": 1}


def test_a_build_that_is_not_complete_has_no_manifest_to_read(tmp_path):
    with pytest.raises(ConfigError, match="there is no build in .*; pass the folder of a build"):
        read_manifest(tmp_path)
    write_json(tmp_path / "config.json", {})
    with pytest.raises(ConfigError, match="not complete in .*; run the build command again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"{}", r"is not the manifest of a build \(result: Field required\)"),
        (
            b"[]",
            r"is not the manifest of a build \(the whole: Input should be a valid dictionary\)",
        ),
        (b'{"result": {"name": "meld", "li', "cannot be read"),
        (b"\xff", "cannot be read"),
        (
            b'{"result": {"name": 1}}',
            r"is not the manifest of a build \(result.name: Input should be a",
        ),
    ],
)
def test_a_manifest_that_no_build_wrote_is_one_line(tmp_path, content, line):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(VerificationError, match=f"manifest.json {line}.*expected the manifest tha"):
        read_manifest(tmp_path)
