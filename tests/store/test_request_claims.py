"""Claims in the store, as two builds see them that never share a process."""

import sqlalchemy as sa

from builders.store.claims import EXPIRY, ClaimTable, Holder
from builders.store.database import Answer, RequestRow, Store
from builders.store.tables import claim_holders, claims


def entered(store: Store, build: str, *, alone: bool = True, **more) -> ClaimTable:
    table = ClaimTable(store, Holder(build, **more))
    table.enter(alone=alone)
    return table


def held(store: Store) -> list[str]:
    with store.engine.connect() as connection:
        return sorted(connection.scalars(sa.select(claims.c.key)))


def answer(store: Store, key: str) -> None:
    row = RequestRow(key, "meld-dev-1-1", 0, "a-model", "draft 1")
    store.save([row], {key: Answer("ok", "text", "stop", "a-model", 7, 3)}, [])


def test_what_one_build_claims_another_does_not_get_until_it_is_given_back(store):
    one, two = entered(store, "/one"), entered(store, "/two")
    assert one.take(["a", "b"]) == ({"a", "b"}, set())
    assert two.take(["b", "c"]) == ({"c"}, set())
    one.free(["b", "c"])
    assert two.take(["b"]) == ({"b"}, set()), "what is another's cannot be freed"
    assert held(store) == ["a", "b", "c"]


def test_a_key_with_an_answer_is_nobodys_to_ask(store):
    one, two = entered(store, "/one"), entered(store, "/two")
    one.take(["a"])
    answer(store, "a")
    one.free(["a"])
    assert two.take(["a", "b"]) == ({"b"}, {"a"})
    assert held(store) == ["b"]


def test_whoever_leaves_takes_its_claims_along(store):
    one, two = entered(store, "/one"), entered(store, "/two")
    one.take(["a"])
    one.leave()
    assert two.take(["a"]) == ({"a"}, set())


def test_a_build_that_has_its_lock_again_frees_what_it_left_at_once(store):
    entered(store, "/one", process=1).take(["a"])
    entered(store, "/two", process=2).take(["b"])
    entered(store, "/one", process=3, host="another").take(["c"])
    again = entered(store, "/one", process=4)
    assert again.take(["a", "b", "c"]) == ({"a"}, set())


def test_without_a_lock_nothing_of_the_same_name_is_freed(store):
    entered(store, "judge", alone=False).take(["a"])
    assert entered(store, "judge", alone=False).take(["a"]) == (set(), set())


def test_claims_of_a_holder_that_fell_silent_lapse(store):
    silent, alive = entered(store, "/silent"), entered(store, "/alive")
    silent.take(["a"])
    alive.take(["b"])
    with store.engine.begin() as connection:
        lapsed = claim_holders.c.seen - EXPIRY - 1
        connection.execute(sa.update(claim_holders).values(seen=lapsed))
    alive.beat()
    other = entered(store, "/other")
    assert other.take(["a", "b"]) == ({"a"}, set())


def test_a_claim_waits_for_no_disk_and_an_answer_does(store):
    table = entered(store, "/one")
    mode = "PRAGMA synchronous" if store.engine.dialect.name == "sqlite" else None
    shown = mode or "SHOW synchronous_commit"
    fast = table._connection.exec_driver_sql(shown).scalar()
    with store.engine.connect() as connection:
        safe = connection.exec_driver_sql(shown).scalar()
    assert (fast, safe) == ((1, 2) if mode else ("off", "on"))
    table.leave()
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql(shown).scalar() == safe


def test_an_answer_keeps_what_it_took(store):
    answer(store, "a")
    found = store.held(["a"])["a"]
    assert (found.prompt_tokens, found.completion_tokens) == (7, 3)
