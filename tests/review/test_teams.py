"""Several people at once, over HTTP, with the store in SQLite and in PostgreSQL."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter

import pytest
from serving import Server, Visitor, decision
from sites import Site

# Servers that are killed and started again: with the slow ones.
pytestmark = pytest.mark.slow

ITEMS = 31


class Worker(threading.Thread):
    """Somebody who decides until nothing is left, and sends again what was not answered."""

    def __init__(self, visitor: Visitor, count: int = 3) -> None:
        super().__init__(daemon=True)
        self.visitor, self.count = visitor, count
        self.acknowledged: dict[str, bool] = {}
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while given := self._again(lambda: self.visitor.items(self.count)):
                for item in given:
                    sent = decision(item)
                    status, said = self._again(lambda sent=sent: self.visitor.post("/decide", sent))
                    assert status == 200, (status, said)
                    self.acknowledged[sent["event_id"]] = said["surplus"]
        except Exception as error:  # noqa: BLE001 - shown by `finish`
            self.error = error

    def _again(self, ask):
        until = time.monotonic() + 60
        while True:
            try:
                return ask()
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < until, "no server for a minute"
                time.sleep(0.05)


def finish(workers: list[Worker]) -> None:
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.error for worker in workers] == [None] * len(workers)
    assert not any(worker.is_alive() for worker in workers)


def check_exact(site: Site, workers: list[Worker], overlap: int) -> None:
    """Hold what is in the store against what each page was told."""
    rows = site.held()
    acknowledged = {name: s for worker in workers for name, s in worker.acknowledged.items()}
    assert {row["id"]: bool(row["surplus"]) for row in rows} == acknowledged
    assert len({(row["item"], row["annotator"]) for row in rows}) == len(rows)
    counting = Counter(row["item"] for row in rows if not row["surplus"])
    assert counting == dict.fromkeys(counting, overlap) and len(counting) == ITEMS


def test_two_people_at_once_decide_about_everything_exactly_twice(site):
    with site.serve("--overlap", 2) as server:
        workers = [Worker(Visitor(server, name)) for name in ("Ann", "Bob")]
        for worker in workers:
            worker.start()
        finish(workers)
        assert workers[0].visitor.get("/left")["done"] == ITEMS
    check_exact(site, workers, 2)
    assert len(site.held()) == 2 * ITEMS


def test_six_people_before_a_server_that_is_killed_and_started_again(site):
    with site.serve("--overlap", 2, "--lease-seconds", 5) as server:
        workers = [Worker(Visitor(server, f"annotator {n}"), 2) for n in range(6)]
        for worker in workers:
            worker.start()
        for enough in (8, 30):
            while sum(len(worker.acknowledged) for worker in workers) < enough:
                assert any(worker.is_alive() for worker in workers)
                time.sleep(0.01)
            server.kill()
            server.start()
        finish(workers)
    check_exact(site, workers, 2)


def test_two_servers_of_one_store_give_out_an_item_no_more_than_k_times(site):
    with site.serve("--overlap", 2) as one, site.serve("--overlap", 2) as other:
        workers = [Worker(Visitor((one, other)[n % 2], f"annotator {n}")) for n in range(4)]
        for worker in workers:
            worker.start()
        finish(workers)
        assert Visitor(other, "annotator 0").get("/left")["done"] == ITEMS
    check_exact(site, workers, 2)
    assert not any(row["surplus"] for row in site.held())


def test_a_late_decision_after_a_restart_is_kept_as_surplus(site):
    with site.serve("--lease-seconds", 1) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        late = ann.items()[0]
        server.kill()
        server.start()
        time.sleep(1.1)
        taken = bob.items()[0]
        assert taken["item"] == late["item"]
        assert bob.decide(taken) == (200, {"surplus": False, "version": 1})
        assert ann.decide(late) == (200, {"surplus": True, "version": 1})
        assert ann.items()[0]["item"] != late["item"]


def test_a_late_decision_whose_place_nobody_took_counts(site):
    with site.serve("--lease-seconds", 1) as server:
        ann = Visitor(server, "Ann")
        late = ann.items()[0]
        time.sleep(1.1)
        assert ann.decide(late)[1]["surplus"] is False


def test_what_was_being_given_when_the_server_was_killed_is_given_again(site):
    with site.serve() as server:
        ann = Visitor(server, "Ann")
        before = [item["item"] for item in ann.items(3)]
        server.kill()
        server.start()
        assert [item["item"] for item in ann.items(3)] == before
        assert before[0] not in {item["item"] for item in Visitor(server, "Bob").items(3)}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_connections_that_the_database_closed_cost_one_answer_and_no_decision(site):
    with site.serve() as server:
        ann = Visitor(server, "Ann")
        item = ann.items()[0]
        sent = decision(item)
        site.run(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        answers = [ann.post("/decide", sent) for _ in range(3)]
        assert {status for status, _ in answers} <= {200, 503}
        assert answers[-1] == (200, {"surplus": False, "version": 1})
        assert [row["id"] for row in site.held()] == [sent["event_id"]]


def test_a_store_that_is_away_is_an_error_with_words(folder, postgresql):
    address = postgresql.get_uri(database="nowhere", driver="psycopg")
    with pytest.raises(AssertionError, match="the store cannot be used"):
        Server(folder, "--store", address).start()
