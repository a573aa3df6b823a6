"""What `review-import` refuses, as the page does, and what files come to in whichever order."""

from __future__ import annotations

import json
from itertools import permutations

import orjson
import pytest
import sqlalchemy as sa
from builds import hearten, one_line_error

from builders.errors import SourceError
from builders.record.dataset import Build
from builders.review.data.decided import standing
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.review.data.tables import events, writing
from builders.review.exchange.events_file import event_lines, import_events
from builders.store import migrations
from builders.store.database import Store

ANN, BOB, LEA = "a-00000000aa", "a-00000000bb", "a-00000000cc"
ACCEPT = Decision("accept", ratings={"fit": 4}, seconds_heard=2.5)


@pytest.fixture(params=["sqlite"])
def url(request, tmp_path):
    return str(tmp_path / "hearten.sqlite")


@pytest.fixture
def item(review):
    return review.queue.next(review.name, review.cem)[0]


def line(item, number=1, who=ANN, verdict="accept", body=None, **more):
    """Return an event about an item as a file has it."""
    made = {"id": f"{number:032x}", "build": item.build, "item": item.item, "seen": item.seen}
    made |= {"annotator": who, "kind": "decision", "verdict": verdict, "undoes": None}
    return {**made, "surplus": False, "body": body or {}, "at": 1000.0 + number, **more}


def undo(of, number, **more):
    return {**of, "id": f"{number:032x}", "kind": "undo", "verdict": "undo", "undoes": of["id"],
            "body": {}, "at": 1000.0 + number, **more}  # fmt: skip


def write(path, *lines):
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def deep(depth):
    return '{"a":' * depth + "1" + "}" * depth


BODIES = [
    ({"ratings": "abc"}, "body.ratings: "),
    ({"ratings": {"fit": "high"}}, "body.ratings.fit: "),
    ({"ratings": {"fit": [1]}}, "body.ratings.fit: "),
    ({"ratings": {"fit": None}}, "body.ratings.fit: "),
    ({"ratings": {"fit": True}}, "body.ratings.fit: "),
    ({"ratings": {"fit": 6}}, "ratings: fit is 6; expected 1 to 5"),
    ({"ratings": {"charm": 3}}, "ratings: 'charm' is not one of"),
    ({"ratings": [3]}, "body.ratings: "),
    ({"strategies": [1]}, "body.strategies.0: "),
    ({"strategies": "validation"}, "body.strategies: "),
    ({"strategies": ["nonsense"]}, "strategies: unknown strategy 'nonsense'"),
    ({"strategies": []}, "strategies: expected one to three"),
    ({"flags": {"a": 1}}, "body.flags: "),
    ({"flags": ["\x1b[31m"]}, "flags: '\\x1b[31m' is not one of"),
    ({"emotion": 5}, "body.emotion: "),
    ({"emotion": "nonsense"}, "emotion: unknown emotion 'nonsense'"),
    ({"comment": 5}, "body.comment: "),
    ({"comment": "x" * 5_001}, "body.comment: "),
    ({"comment": "a\0"}, "body.comment: it cannot be stored, because it contains a NUL character"),
    ({"reason": ["generic"]}, "body.reason: "),
    ({"reason": "generic"}, "reason: required for a rejection or a skip"),
    ({"before": "abc"}, "body.before: "),
    ({"before": {"strategies": 5}}, "body.before.strategies: "),
    ({"before": {"strategies": ["nonsense"]}}, "before.strategies: unknown strategy 'nonsense'"),
    ({"before": {"emotion": "nonsense"}}, "before.emotion: unknown emotion 'nonsense'"),
    ({"seconds_heard": "long"}, "body.seconds_heard: "),
    ({"seconds_heard": -1}, "body.seconds_heard: "),
    ({"hidden": "maybe"}, "body.hidden: "),
    ({"reply": {"text": "x"}}, "reply: required for an edit, not allowed otherwise"),
    ({"charm": 1}, "body.charm: "),
]
EVENTS = [
    ({"annotator": "Ann"}, "annotator: "),
    ({"seen": "short"}, "seen: "),
    ({"verdict": "perhaps"}, "verdict: "),
    ({"verdict": "a"}, "verdict: 'a' is not one of accept, edit, reject, skip"),
    ({"verdict": "reject"}, "reason: None is not one of"),
    ({"verdict": "reject", "body": {"reason": "nonsense"}}, "reason: 'nonsense' is not one of"),
    ({"verdict": "edit"}, "reply: required for an edit"),
    ({"verdict": "edit", "body": {"reply": {"text": "x"}}}, "is a required property"),
    ({"kind": "praise"}, "kind: "),
    ({"more": 1}, "more: "),
    ({"surplus": "no"}, "surplus: "),
    ({"body": []}, "body: "),
    ({"build": "../../x"}, "build: "),
    ({"item": "../../etc/passwd"}, "item: '../../etc/passwd' is not a sample id"),
    ({"at": 1e300}, "at: 1e+300 is not a time in the past"),
    ({"at": -1.0}, "at: -1.0 is not a time"),
    ({"at": "now"}, "at: "),
    ({"id": "a b"}, "id: "),
    ({"undoes": "f" * 32}, "undoes: required for an undo, not allowed otherwise"),
    ({"kind": "undo", "verdict": "undo"}, "undoes: required for an undo"),
    ({"kind": "undo", "verdict": "undo", "undoes": "f" * 32}, "there is no event 'ffff"),
    ({"kind": "undo", "verdict": "undo", "undoes": "f" * 32, "body": {"flags": []}}, "body.flags"),
    ({"kind": "comparison", "verdict": "a"}, "body.other: "),
    ({"kind": "comparison", "verdict": "a", "body": {"other": "zzz"}}, "body.other: "),
    ({"kind": "comparison", "body": {"other": "b" * 64}}, "verdict: 'accept' is not one of a, b"),
    ({"kind": "gold", "body": {"ratings": {"fit": "x"}}}, "body.ratings.fit: "),
    ({"kind": "gold", "body": {"emotion": 7}}, "body.emotion: "),
    ({"kind": "adjudication", "body": {"emotion": {"a": 1}}}, "body.emotion: "),
    ({"kind": "adjudication"}, "body.comment: an adjudication needs a comment"),
]
TEXTS = [
    (b"nonsense", "not a JSON object"),
    (b"[1]", "not a JSON object"),
    (b'{"id": "\\ud800"}', "not a JSON object"),
    (b'{"at": NaN}', "not a JSON object"),
    (b'{"a":' * 3000 + b"1" + b"}" * 3000, "not a JSON object"),
    (b'{"a":' * 300 + b"1" + b"}" * 300, "nested more than 16 levels deep"),
    (b"\xff{}", "not a JSON object"),
]


@pytest.mark.parametrize(
    ("change", "words"), [*((({"body": body}), words) for body, words in BODIES), *EVENTS, *TEXTS]
)
def test_what_the_page_refuses_is_refused_and_nothing_of_its_file_is_held(
    review, item, tmp_path, change, words
):
    bad = change if isinstance(change, bytes) else {**line(item, 2, BOB), **change}
    path = write(tmp_path / "events.jsonl", line(item), bad)
    with pytest.raises(SourceError) as raised:
        import_events(review.store, review.build, path)
    assert words in str(raised.value) and "events.jsonl:2;" in str(raised.value)
    assert "fix or remove the line; nothing was imported" in str(raised.value)
    assert "further" not in str(raised.value)
    assert review.reviews.of_build(review.name) == []


def test_a_reply_that_the_rules_of_the_item_refuse_is_refused(review, item, tmp_path):
    record = review.build.row(item.shard, item.row)
    reply = {**reply_of(record), "text": "See https://example.org for help with how you feel."}
    bad = line(item, verdict="edit", body={"reply": reply})
    with pytest.raises(SourceError, match="a link or an address"):
        import_events(review.store, review.build, write(tmp_path / "e.jsonl", bad))
    gone = {**bad, "seen": "0" * 64}  # of what the item was, which nobody has, the schema alone
    assert import_events(review.store, review.build, write(tmp_path / "g.jsonl", gone)).new == 1


def test_how_many_further_lines_are_wrong_is_said(review, item, tmp_path):
    wrong = [line(item, n, body={"emotion": 5}) for n in range(3)]
    for count, words in ((1, None), (2, "; 1 further line is"), (3, "; 2 further lines are")):
        path = write(tmp_path / "e.jsonl", line(item, 9), *wrong[:count])
        with pytest.raises(SourceError) as raised:
            import_events(review.store, review.build, path)
        assert "e.jsonl:2;" in str(raised.value)
        assert (words or "imported") in str(raised.value)
    assert review.reviews.of_build(review.name) == []


# ---- events beside others -------------------------------------------------------------------


def test_only_who_decided_takes_it_back(review, item, tmp_path):
    decided = line(item)
    foreign = undo(decided, 2, annotator=BOB)
    for before in ([decided], []):  # the event is in the store, then in the file
        path = write(tmp_path / "e.jsonl", *(before or [decided, foreign]))
        if before:
            import_events(review.store, review.build, path)
            write(path, foreign)
        with pytest.raises(SourceError, match=f"is by {ANN}, who alone can undo it"):
            import_events(review.store, review.build, path)
    assert len(standing(review.reviews.of_build(review.name))) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [({"item": "meld-train-9-9"}, "is about another item"), ({"seen": "1" * 64}, "another item")],
)
def test_an_undo_is_about_the_item_of_what_it_undoes(review, item, tmp_path, change, words):
    path = write(tmp_path / "e.jsonl", line(item), undo(line(item), 2, **change))
    with pytest.raises(SourceError, match=words):
        import_events(review.store, review.build, path)


def test_an_undo_stays(review, item, tmp_path):
    taken = undo(line(item), 2)
    path = write(tmp_path / "e.jsonl", line(item), taken, undo(taken, 3))
    with pytest.raises(SourceError, match="is itself an undo"):
        import_events(review.store, review.build, path)


def test_two_desks_that_undid_one_event_come_to_the_same_in_either_order(
    review, item, tmp_path, built
):
    """One person undid at both; another decided at each, and a file has good decisions in it."""
    decided = line(item)
    left = write(tmp_path / "a.jsonl", decided, undo(decided, 2), line(item, 7, BOB))
    reject = line(item, 6, BOB, "reject", {"reason": "generic"})
    right = write(tmp_path / "b.jsonl", undo(decided, 3), decided, reject)
    come = []
    for number, order in enumerate(permutations((left, right))):
        store = Store(str(tmp_path / f"{number}.sqlite"))
        list(Items(store).register(review.build))
        said = [import_events(store, review.build, path) for path in order]
        assert [one.undone for one in said] == [0, 1] and said[1].new == 1
        assert import_events(store, review.build, order[1]) == (3, 0, 1)
        stands = standing(Reviews(store).of_build(review.name))
        come.append([(event.id, event.verdict, event.body) for event in stands])
        store.close()
    assert come[0] == come[1] and [verdict for _, verdict, _ in come[0]] == ["accept"]


def test_the_command_says_how_many_undo_what_was_undone_already(review, item, folder, tmp_path):
    decided = line(item)
    path = write(tmp_path / "e.jsonl", decided, undo(decided, 2), undo(decided, 3))
    ended = hearten("review-import", folder, path)
    assert (
        ended.out.strip() == "3 events read, 2 of them new; 1 undo an event that was already undone"
    )


def test_an_id_that_is_held_already_says_the_same_or_is_refused(review, item, tmp_path):
    decided = line(item)
    import_events(review.store, review.build, write(tmp_path / "e.jsonl", decided))
    later = {**decided, "at": decided["at"] + 5, "surplus": True}  # sent again to another desk
    same = write(tmp_path / "same.jsonl", decided, later)
    assert import_events(review.store, review.build, same) == (2, 0, 0)
    other = {**decided, "verdict": "reject", "body": {"reason": "generic"}}
    path = write(tmp_path / "other.jsonl", other)
    with pytest.raises(SourceError, match="is already in the store with a different verdict"):
        import_events(review.store, review.build, path)
    path = write(tmp_path / "twice.jsonl", line(item, 5), line(item, 5, body={"comment": "x"}))
    with pytest.raises(SourceError, match="is already earlier in the file with a different body"):
        import_events(review.store, review.build, path)


def test_who_has_decided_does_not_settle_and_only_leads_do(review, item, tmp_path):
    settling = line(item, 5, body={"comment": "both hear it"}, kind="adjudication")
    for earlier in ([line(item)], [line(item), undo(line(item), 2)]):
        path = write(tmp_path / "e.jsonl", *earlier, settling)
        with pytest.raises(
            SourceError, match="an annotator who reviewed this item cannot adjudicate it"
        ):
            import_events(review.store, review.build, path)
    for kind in ("adjudication", "gold"):
        theirs = {**settling, "annotator": review.bob.id, "kind": kind}
        with pytest.raises(SourceError, match=f"{review.bob.id} is not a lead"):
            import_events(review.store, review.build, write(tmp_path / "e.jsonl", theirs))
    path = write(tmp_path / "e.jsonl", {**settling, "annotator": review.lea.id}, line(item))
    assert import_events(review.store, review.build, path).new == 2


# ---- what an earlier release took -----------------------------------------------------------


@pytest.fixture
def poisoned(folder):
    """A review with a good decision, and with lines that an earlier release imported."""
    store, build = Store(str(folder.parent / "hearten.sqlite")), Build(folder)
    list(Items(store).register(build))
    reviews, ann = Reviews(store), People(store).named("Ann")
    with store.engine.connect() as connection:
        name = connection.scalar(sa.text("select item from review_items order by position"))
    shown = reviews.shown("meld", name, ann.id)
    good = reviews.decide(ann.id, shown, ACCEPT)
    bad = ({"ratings": {"fit": "high"}}, {"ratings": None, "strategies": [1]}, {"before": "abc"},
           {"emotion": 5}, {"ratings": "abc"})  # fmt: skip
    with writing(store) as connection:
        held = connection.execute(sa.select(events)).mappings().one()
        for number, body in enumerate(bad):
            row = {**held, "number": number + 50, "id": f"{number:032x}"}
            row |= {"annotator": f"a-00000000f{number}", "body": orjson.dumps(body).decode()}
            connection.execute(sa.insert(events).values(row))
    yield build, store, good
    store.close()


@pytest.mark.parametrize(
    "words",
    [("review-status",), ("review-status", "--json"), ("report",),
     ("export", "--format", "chat", "--profile", "qwen2-audio"),
     *(("review-export", "--format", f) for f in ("events", "merged", "preferences", "potato"))],
)  # fmt: skip
def test_what_an_earlier_release_took_ends_no_command(poisoned, folder, tmp_path, words):
    command, *flags = words
    to = ("--to", tmp_path / "to") if "export" in command else ()
    ended = hearten(command, folder, *flags, *to)
    assert ended.code == 0, ended.err
    if command.startswith("review"):
        told = [one for one in ended.err.splitlines() if one.startswith("event ")]
        assert len(told) == 5
        assert told[0].startswith(f"event {0:032x} by a-00000000f0 about meld-")
        assert "is ignored: body.ratings.fit: " in told[0] and "import an undo" in told[0]


def test_what_cannot_be_read_is_taken_back_and_told_no_more(poisoned, folder, tmp_path):
    build, store, good = poisoned
    assert standing(Reviews(store).of_build("meld")) == [good]
    bad = [event for event in Reviews(store).of_build("meld") if event.fault]
    lines = [
        {**json.loads(next(event_lines([event]))), "kind": "undo", "verdict": "undo", "body": {},
         "undoes": event.id, "id": f"{number + 90:032x}"}
        for number, event in enumerate(bad)
    ]  # fmt: skip
    assert hearten("review-import", folder, write(tmp_path / "e.jsonl", *lines)).code == 0
    ended = hearten("review-status", folder)
    assert ended.code == 0 and "event" not in ended.err


def test_its_file_is_refused_by_another_store_in_one_line(poisoned, folder, tmp_path):
    hearten("review-export", folder, "--to", tmp_path / "e.jsonl")
    assert hearten("review-import", folder, tmp_path / "e.jsonl").code == 0
    other = hearten("review-import", folder, tmp_path / "e.jsonl", "--store", tmp_path / "n.sqlite")
    assert "body.ratings.fit" in one_line_error(other) and "4 further lines" in other.err


# ---- the first format, in which a default stood for what was not said ------------------------

DEFAULTS = {"reply": None, "reason": None, "strategies": None, "ratings": {}, "emotion": None,
            "flags": [], "comment": None, "seconds_heard": 0.0, "hidden": False,
            "before": None}  # fmt: skip
SAID = {"ratings": {"fit": 4}, "flags": ["unsafe"], "seconds_heard": 2.5, "hidden": True}


def test_defaults_of_the_first_format_are_not_said_and_the_rest_is(review, item, tmp_path):
    lines = line(item, 1, body=DEFAULTS), line(item, 2, BOB, body=DEFAULTS | SAID)
    import_events(review.store, review.build, write(tmp_path / "e.jsonl", *lines))
    silent, told = (event.decision for event in review.reviews.of_build(review.name))
    # Whether the draft was hidden was never left to a person to say.
    assert silent == Decision("accept", hidden=False)
    assert told == Decision(
        "accept", ratings={"fit": 4}, flags=("unsafe",), seconds_heard=2.5, hidden=True
    )


def test_in_the_second_format_null_is_what_was_not_said_and_0_is_said(review, item, tmp_path):
    null = dict.fromkeys(DEFAULTS)
    said = null | {"seconds_heard": 0.0, "hidden": False}
    lines = line(item, 1, body=null, format=2), line(item, 2, BOB, body=said, format=2)
    path = write(tmp_path / "e.jsonl", *lines)
    import_events(review.store, review.build, path)
    silent, told = (event.decision for event in review.reviews.of_build(review.name))
    assert silent == Decision("accept")
    assert told == Decision("accept", seconds_heard=0.0, hidden=False)
    for body, version, words in (
        (null, 1, "body.ratings: null means 'not answered' in format 2"),
        ({}, 3, "format: "),
    ):
        bad = write(tmp_path / "bad.jsonl", line(item, 3, LEA, body=body, format=version))
        with pytest.raises(SourceError, match=words):
            import_events(review.store, review.build, bad)


def test_lines_of_both_formats_are_written_as_they_came(review, item, tmp_path):
    first, second = line(item, 1, body=DEFAULTS), line(item, 2, BOB, body=SAID, format=2)
    path = write(tmp_path / "e.jsonl", first, second)
    import_events(review.store, review.build, path)
    lines = [json.loads(one) for one in event_lines(review.reviews.of_build(review.name))]
    assert lines == [first, second] and "format" not in lines[0]


def test_an_event_that_comes_again_in_the_other_format_is_the_same(review, item, tmp_path):
    first = line(item, body=DEFAULTS | {"ratings": {"fit": 4}})
    body = dict.fromkeys(DEFAULTS) | {"ratings": {"fit": 4}, "hidden": False}
    second = {**first, "body": body, "format": 2}
    import_events(review.store, review.build, write(tmp_path / "e.jsonl", first))
    assert import_events(review.store, review.build, write(tmp_path / "e.jsonl", second)).new == 0
    other = {**second, "body": body | {"ratings": {"fit": 5}}}
    with pytest.raises(SourceError, match="is already .* with a different body"):
        import_events(review.store, review.build, write(tmp_path / "e.jsonl", other))


def test_an_upgraded_store_keeps_its_events_in_the_first_format(tmp_path):
    address = tmp_path / "old.sqlite"
    engine = sa.create_engine(f"sqlite:///{address}")
    with engine.begin() as connection:
        migrations.import_module(f"{migrations.__name__}.{migrations.STEPS[1]}").upgrade(connection)
        migrations.meta.create(connection)
        rows = [{"name": name, "value": "1"} for name in ("version", "review_version")]
        connection.execute(sa.insert(migrations.meta), rows)
        event = {"id": "f" * 32, "build": "meld", "item": "meld-dev-1-1", "seen": "0" * 64}
        event |= {"annotator": ANN, "version": 1, "kind": "decision", "verdict": "accept"}
        event |= {"surplus": False, "body": orjson.dumps(DEFAULTS).decode(), "at": 5.0}
        names = ", ".join(event)
        values = ", ".join(f":{name}" for name in event)
        connection.execute(sa.text(f"insert into review_events ({names}) values ({values})"), event)
    list(migrations.upgrade(engine))
    engine.dispose()
    store = Store(str(address))
    (held,) = Reviews(store).history("meld")
    assert (held.id, held.format, held.body) == ("f" * 32, 1, DEFAULTS)
    assert held.decision == Decision("accept", hidden=False)
    store.close()
