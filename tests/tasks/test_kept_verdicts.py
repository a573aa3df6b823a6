"""Verdicts that are kept with answers: what they depend on, and that nothing else ever counts."""

import shutil
from contextlib import closing
from dataclasses import fields, replace

import pytest
from invented import SAD, answer_text, reply, target

from builders import resources
from builders.llm.request import key
from builders.llm.settings import Sampling
from builders.record.planned_reply import CheckNote
from builders.store.database import Answer, Attempt, KeptVerdict, RequestRow, Store
from builders.store.key_value import KeyValue
from builders.tasks.reply import draft
from builders.tasks.reply.checks import verdicts
from builders.tasks.reply.checks.candidate import Scene
from builders.tasks.reply.checks.reading import Reply
from builders.tasks.reply.checks.recited import RunIndex
from builders.tasks.reply.checks.registry import ReplyFault
from builders.tasks.reply.checks.verdicts import digest_of, held, rules_digest, verdict_of

DRAFTER = draft.Drafter("a-model", "assistant", "voice", Sampling())
GOOD = Answer("ok", answer_text())
LINK = Answer("ok", answer_text(text="Look at www.example.org tonight."))


def index(*turns):
    runs = RunIndex("en")
    for turn in turns:
        runs.add(turn)
    return runs.freeze()


SCENE = Scene("It rained.", ("Hello.",), "They met.", ("Ann",), "assistant", "en", ("Yes.",))
GIVEN = (
    "a text",
    "its words",
    "a schema",
    SAD,
    False,
    None,
    replace(SCENE, recited=index("One two three.")),
)
OTHER = {
    "utterance": "It snowed.",
    "turns": ("Hello!",),
    "background": None,
    "names": (),
    "persona": "addressee",
    "language": "de",
    "later": (),
    "recited": index("the old grey harbour sleeps under heavy winter rain tonight"),
    "shown": ("An example.",),
}


@pytest.mark.parametrize("place", range(6))
def test_whatever_a_check_is_given_is_in_the_digest(place):
    other = ("b", "others", "another", replace(SAD, secondary="fear"), True, "A low voice.")
    changed = (*GIVEN[:place], other[place], *GIVEN[place + 1 :])
    assert digest_of(*changed) != digest_of(*GIVEN) == digest_of(*GIVEN)


@pytest.mark.parametrize("name", [one.name for one in fields(Scene)])
def test_every_part_of_the_scene_is_in_the_digest(name):
    changed = replace(GIVEN[-1], **{name: OTHER[name]})
    assert digest_of(*GIVEN[:-1], changed) != digest_of(*GIVEN)


def test_what_has_no_digest_is_an_error_and_never_left_out():
    with pytest.raises(TypeError, match="has no digest|not JSON serializable"):
        digest_of(*GIVEN[:-1], replace(SCENE, recited=object()))


@pytest.mark.parametrize("changed", ["label_maps/reply/en/advice.tsv", "schemas/reply.schema.json"])
def test_a_changed_table_makes_every_verdict_stale(changed, tmp_path, monkeypatch):
    before = rules_digest()
    for folder in ("label_maps", "schemas"):
        shutil.copytree(resources.content_root() / folder, tmp_path / folder)
    (tmp_path / changed).write_text((tmp_path / changed).read_text() + "\n")
    monkeypatch.setattr(resources, "content_root", lambda: tmp_path)
    assert rules_digest.__wrapped__() != before


def test_changed_code_makes_every_verdict_stale(monkeypatch, tmp_path):
    before = rules_digest.__wrapped__()
    module = tmp_path / "one.py"
    module.write_text("limit = 3\n")
    every = [*verdicts._sources()]
    assert {"form.py", "objects.py", "verdicts.py", "strategies.py"} <= {one.name for one in every}
    monkeypatch.setattr(verdicts, "_sources", lambda: [*every, module])
    first = rules_digest.__wrapped__()
    module.write_text("limit = 4\n")
    assert len({before, first, rules_digest.__wrapped__()}) == 3


@pytest.mark.parametrize(
    "found",
    [
        Reply(reply(), [], ()),
        Reply(reply(), [], (CheckNote("stock_opener", "note", 0.25, "It opens so."),)),
        Reply(reply(), [], (CheckNote("one", "note", None, "a"), CheckNote("two", "note", 3, "b"))),
        Reply(reply(text="Another."), [{"field": "text", "from": "a", "to": "b"}], ()),
        [ReplyFault("length", "too short"), ReplyFault("quoted", "no quotes")],
    ],
)
def test_a_verdict_comes_back_as_it_was_found(found):
    answer, digest = Answer("ok", answer_text()), b"d" * 16
    answer.verdict = verdict_of(answer, digest, found)
    assert held(answer, digest) == found
    assert held(answer, b"e" * 16) is None


def run(answer, kept):
    """Take one answer through the steps of a drafter that keeps verdicts in a dict."""
    drafter = draft.Drafter("a-model", "assistant", "voice", Sampling())
    drafter.keep_verdicts(kept.__setitem__)
    first = drafter.first_request(target(1))
    steps = drafter.steps(target(1), first)
    assert next(steps) is first
    try:
        return first, steps.send(answer)
    except StopIteration as ended:
        return first, ended.value


@pytest.mark.parametrize("answer", [GOOD, LINK])
def test_an_answer_with_its_verdict_is_checked_no_more(answer, monkeypatch):
    kept = {}
    first, found = run(answer, kept)
    assert [*kept] == [key(first)]
    monkeypatch.setattr(draft, "read_answer", lambda *_: pytest.fail("it was checked again"))
    again = Answer("ok", answer.text, verdict=kept[key(first)])
    more = {}
    assert run(again, more)[1] == found and more == {}


def test_a_stale_verdict_is_found_anew_and_replaced():
    kept = {}
    stale = KeptVerdict(b"x" * 16, b"[null,[],[],[]]")
    first, _ = run(Answer("ok", LINK.text, verdict=stale), kept)
    assert kept[key(first)].digest != stale.digest and b"not_speakable" in kept[key(first)].found


def test_a_check_that_fails_leaves_no_verdict(monkeypatch):
    def broken(*_):
        raise RuntimeError("a check is broken")

    monkeypatch.setattr(draft, "read_answer", broken)
    kept = {}
    with pytest.raises(RuntimeError):
        run(GOOD, kept)
    assert kept == {}


def test_an_answer_that_is_none_needs_no_verdict():
    kept = {}
    run(Answer("truncated", '{"text": "Wha'), kept)
    assert kept == {}


def test_a_verdict_is_held_with_its_answer_until_another_or_until_anything_is_forgotten(store):
    row = RequestRow("k" * 64, "a-b-c-0001", 0, "a-model", "draft 1")
    tried = ("a-build", Attempt(row.key, "a-model", "here", "ok"))
    store.save([row], {row.key: GOOD}, [tried], {row.key: KeptVerdict(b"a" * 16, b"[1]")})
    assert store.held([row.key])[row.key].verdict == KeptVerdict(b"a" * 16, b"[1]")
    store.save([], {}, [], {row.key: KeptVerdict(b"b" * 16, b"[2]")})
    assert store.held([row.key])[row.key].verdict == KeptVerdict(b"b" * 16, b"[2]")
    with closing(KeyValue(store)):
        from builders.store import key_value

        with store.engine.begin() as connection:
            key_value.forget(connection, ["another-one"])
    assert store.held([row.key])[row.key] == GOOD
    assert store.held([row.key])[row.key].verdict is None


def test_a_store_that_is_opened_again_has_them(tmp_path):
    for digest in (b"a" * 16, None):
        with closing(Store(str(tmp_path / "s.sqlite"))) as opened:
            if digest:
                opened.save([], {"k": GOOD}, [], {"k": KeptVerdict(digest, b"[]")})
            else:
                assert opened.held(["k"])["k"].verdict == KeptVerdict(b"a" * 16, b"[]")
