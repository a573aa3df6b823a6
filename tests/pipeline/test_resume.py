"""A build that is killed, stopped or refused goes on where it was, and pays for nothing twice."""

from __future__ import annotations

import json
import random
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
from builds import (
    command,
    environment,
    hearten,
    manifest,
    one_line_error,
    rejected,
    result_bytes,
    samples,
)
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

SLOTS = 8
BATCH = 64


def corpus(folder, dialogues, turns=10):
    rows = {"train": [meld_row(d, u) for d in range(dialogues) for u in range(turns)]}
    return make_meld_tree(folder, rows)


def arguments(source, output, endpoint, *more):
    return (
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output),
        *("--model", "test-model", "--base-url", endpoint.base_url),
        *("--max-concurrency", SLOTS, *more),
    )


def answers_held(output):
    store = output / "hearten.sqlite"
    if not store.exists():
        return 0
    with sqlite3.connect(store) as connection:
        # A kill may come when the store is a file, and has no tables yet.
        if not connection.execute("select 1 from sqlite_master where name = 'answers'").fetchone():
            return 0
        return connection.execute("select count(*) from answers").fetchone()[0]


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_ask_nothing_twice_but_what_was_under_way(tmp_path):
    source = corpus(tmp_path / "meld", 300)
    chance = random.Random(20)
    with TestEndpoint(latency=0.05) as endpoint:
        flags = arguments(source, tmp_path / "killed", endpoint)
        kills = 0
        while kills < 20:
            build = subprocess.Popen(command(*flags), env=environment(), stdout=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.7, 1.6))
            if build.poll() is not None:
                break
            build.send_signal(signal.SIGKILL)
            build.wait()
            kills += 1
            asked, held = endpoint.log()["count"], answers_held(tmp_path / "killed")
            assert asked - held <= 1 + kills * (SLOTS + BATCH)
        assert kills == 20, "the build ended before it was killed twenty times"
        endpoint.control(latency=0.0, keep_log=True)
        assert hearten(*flags).code == 0
        asked = endpoint.log()["requests"]
        again = sum(count - 1 for count in asked.values())
        assert again <= 20 * (SLOTS + BATCH)
        endpoint.control(latency=0.0)
        assert hearten(*arguments(source, tmp_path / "whole", endpoint)).code == 0
        assert endpoint.log()["count"] == len(asked)
    assert result_bytes(tmp_path / "killed" / "meld") == result_bytes(tmp_path / "whole" / "meld")
    ids = [record["id"] for record in samples(tmp_path / "killed" / "meld")]
    assert len(ids) == len(set(ids)) == 3008


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_a_signal_stops_resumably_and_the_same_command_goes_on(tmp_path, number):
    source = corpus(tmp_path / "meld", 40)
    with TestEndpoint(latency=0.1) as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        build = subprocess.Popen(
            command(*flags), env=environment(), stderr=subprocess.PIPE, text=True
        )
        while endpoint.log()["answered"] < 40:
            time.sleep(0.05)
        build.send_signal(number)
        _, error = build.communicate()
        assert build.returncode == 3
        assert f"stopped by {signal.Signals(number).name}" in error and "same command" in error
        assert not (tmp_path / "out" / "meld" / "manifest.json").exists()
        # What was in flight was taken in: nothing is asked twice.
        assert hearten(*flags).code == 0
        assert max(endpoint.log()["requests"].values()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_anything_is_asked_is_one_line_and_exit_3(tmp_path, number):
    source = corpus(tmp_path / "meld", 1)
    flags = ("build", "--corpus", "meld", "--source", source, "--text-only", "--output", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a store that keeps the build waiting
        store = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/held"
        told = command(*flags, "--store", store)
        build = subprocess.Popen(told, env=environment(), stderr=subprocess.PIPE, text=True)
        with silent.accept()[0]:
            build.send_signal(number)
            _, error = build.communicate()
    assert build.returncode == 3
    assert error == "error: stopped; run the same command again to continue\n"


def test_a_second_signal_ends_the_build_at_once(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    with TestEndpoint() as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        assert hearten(*flags, "--limit", 1).code == 0
        endpoint.control(latency=60)
        build = subprocess.Popen(
            command(*flags), env=environment(), stderr=subprocess.PIPE, text=True
        )
        over = time.monotonic() + 60
        while not endpoint.log()["in_flight"]:
            assert time.monotonic() < over and build.poll() is None
            time.sleep(0.05)
        build.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert build.poll() is None
        build.send_signal(signal.SIGTERM)
        _, error = build.communicate(timeout=20)
    assert build.returncode == 3
    assert error == "error: stopped; run the same command again to continue\n"


def test_all_held_asks_nothing(tmp_path):
    source = corpus(tmp_path / "meld", 5)
    with TestEndpoint() as endpoint:
        assert hearten(*arguments(source, tmp_path / "out", endpoint)).code == 0
        endpoint.control(faults=[])
        again = hearten(*arguments(source, tmp_path / "out", endpoint, "--name", "again"))
        assert again.code == 0 and endpoint.log()["count"] == 0
    assert samples(tmp_path / "out" / "meld") == samples(tmp_path / "out" / "again")


def test_a_changed_timeout_or_concurrency_keeps_drafts(tmp_path):
    source = corpus(tmp_path / "meld", 5)
    with TestEndpoint() as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        hearten(*flags, "--limit", 20)
        endpoint.control(faults=[])
        hearten(*flags, "--limit", 20, "--timeout", 9, "--patience", 8, "--max-concurrency", 3)
        assert endpoint.log()["count"] == 0
        ended = hearten(*flags, "--timeout", 9)
        assert ended.code == 0, ended.err
        assert endpoint.log()["count"] == 58 - 20


def test_rate_limits_delay_and_the_item_is_in_the_output(tmp_path):
    source = corpus(tmp_path / "meld", 3)
    faults = [{"kind": "rate_limit", "at": [2, 5, 9], "retry_after": 0.2}]
    with TestEndpoint(faults=faults) as endpoint:
        ended = hearten(*arguments(source, tmp_path / "out", endpoint))
        assert endpoint.log()["statuses"]["429"] == 3
    assert ended.code == 0, ended.err
    assert manifest(tmp_path / "out" / "meld")["result"]["counts"]["kept"] == 38
    assert {record["drafting"]["attempts"] for record in samples(tmp_path / "out" / "meld")} == {1}


@pytest.mark.slow
def test_refusals_and_cut_off_answers_become_rejects_never_text(tmp_path):
    source = corpus(tmp_path / "meld", 3)
    faults = [
        {"kind": "refusal", "match": 'sentence 3 of dialogue 1.\\"\\n'},
        {"kind": "truncated", "match": 'sentence 4 of dialogue 1.\\"\\n'},
    ]
    with TestEndpoint(faults=faults) as endpoint:
        ended = hearten(*arguments(source, tmp_path / "out", endpoint))
        assert ended.code == 0, ended.err
        reasons = {row["id"]: row["reason"] for row in rejected(tmp_path / "out" / "meld")}
        assert reasons == {"meld-train-1-3": "refusal", "meld-train-1-4": "truncated"}
        kept = {record["id"] for record in samples(tmp_path / "out" / "meld")}
        assert not kept & reasons.keys()
        endpoint.control(faults=[])
        # The first answer and one fresh try are held; a retry goes one round further.
        flags = arguments(source, tmp_path / "out", endpoint, "--retry-kind", "refusal")
        line = one_line_error(hearten(*flags))
        assert "meld is complete and is not changed" in line and "another --name" in line
        ended = hearten(*flags, "--name", "again")
        assert ended.code == 0, ended.err
        assert endpoint.log()["count"] == 1
    assert {row["reason"] for row in rejected(tmp_path / "out" / "again")} == {"truncated"}


def test_a_wrong_answer_is_corrected_with_its_errors(tmp_path):
    source = corpus(tmp_path / "meld", 1)
    with TestEndpoint(faults=[{"kind": "invalid_answer"}], keep_bodies=True) as endpoint:
        hearten(*arguments(source, tmp_path / "first", endpoint))
        bodies = endpoint.log()["bodies"]
    records = samples(tmp_path / "first" / "meld")
    assert {record["drafting"]["attempts"] for record in records} == {2}
    correction = [body for body in bodies if len(body["messages"]) == 4][0]["messages"]
    assert correction[2]["role"] == "assistant" and "no such strategy" in correction[2]["content"]
    assert "strategies" in correction[3]["content"]


@pytest.mark.slow
def test_transport_errors_leave_targets_for_the_next_run(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    fault = {"kind": "error_500", "match": 'sentence 3 of dialogue 1.\\"\\n'}
    with TestEndpoint(faults=[fault]) as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        ended = hearten(*flags)
        line = one_line_error(ended)
        assert ended.code == 3
        assert "1 targets have no response yet: 1 server_error" in line
        assert "hearten status" in line and "exclusions.tsv" in line
        known = json.loads(hearten("status", tmp_path / "out" / "meld", "--json").out)
        (left,) = known["left"]
        assert left["id"] in line and left["kind"] == "server_error"
        assert left["id"] in hearten("status", tmp_path / "out" / "meld").out
        assert not (tmp_path / "out" / "meld" / "manifest.json").exists()
        endpoint.control(faults=[])
        assert hearten(*flags).code == 0
        assert endpoint.log()["count"] == 1


@pytest.mark.slow
def test_what_a_server_refuses_for_good_is_a_reject_that_can_be_asked_again(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    body = {"error": {"message": "Not with these words."}}
    fault = {"kind": "says", "status": 400, "body": body}
    fault["match"] = 'sentence 3 of dialogue 1.\\"\\n'
    with TestEndpoint(faults=[fault]) as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        assert hearten(*flags).code == 0
        (reject,) = rejected(tmp_path / "out" / "meld")
        assert reject["reason"] == "refused" and "Not with these words." in reject["detail"]
        endpoint.control(faults=[])
        again = [*flags, "--name", "again"]
        assert hearten(*again, "--resume", "never").code == 0
        assert len(rejected(tmp_path / "out" / "again")) == 1, "cached like an answer"
        assert endpoint.log()["count"] == 0
        once_more = [*flags, "--name", "once-more", "--retry-kind", "refused"]
        assert hearten(*once_more).code == 0
        assert rejected(tmp_path / "out" / "once-more") == []


@pytest.mark.parametrize(("dialogues", "words"), [(12, "the first 20 replies"), (1, "nothing was")])
@pytest.mark.slow
def test_a_build_of_which_nothing_is_kept_stops_and_says_what_to_change(tmp_path, dialogues, words):
    source = corpus(tmp_path / "meld", dialogues)
    with TestEndpoint(faults=[{"kind": "truncated", "match": "sentence"}]) as endpoint:
        ended = hearten(*arguments(source, tmp_path / "out", endpoint))
    line = one_line_error(ended)
    assert ended.code == 3 and words in line and "truncated" in line
    assert "raise --reply-tokens" in line and "--retry-failed" in line


def test_an_exhausted_quota_stops_resumably(tmp_path):
    source = corpus(tmp_path / "meld", 3)
    with TestEndpoint(faults=[{"kind": "quota", "probability": 1, "at": None}]) as endpoint:
        endpoint.control(faults=[{"kind": "quota", "every": 10}])
        ended = hearten(*arguments(source, tmp_path / "out", endpoint))
    line = one_line_error(ended)
    assert ended.code == 3 and "quota is exhausted" in line and "same command" in line


def test_patience_ends_when_nothing_succeeds(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    with TestEndpoint() as endpoint:
        hearten(*arguments(source, tmp_path / "out", endpoint, "--limit", 5))
        endpoint.control(faults=[{"kind": "rate_limit"}])
        ended = hearten(*arguments(source, tmp_path / "out", endpoint, "--patience", 1))
    line = one_line_error(ended)
    assert ended.code == 3 and "nothing has succeeded" in line


def test_a_budget_of_tokens_stops_before_it_is_passed_and_counts_over_runs(tmp_path):
    source = corpus(tmp_path / "meld", 5)
    with TestEndpoint() as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint)
        ended = hearten(*flags, "--max-tokens", 30_000)
        line = one_line_error(ended)
        assert ended.code == 3 and "--max-tokens 30000" in line and "raise the limit" in line
        assert 27_000 < tokens_spent(tmp_path / "out") <= 30_000
        assert hearten(*flags, "--max-tokens", 30_000).code == 3
        assert tokens_spent(tmp_path / "out") <= 30_000
        assert hearten(*flags).code == 0


def tokens_spent(output):
    with sqlite3.connect(output / "hearten.sqlite") as connection:
        query = "select sum(prompt_tokens + completion_tokens) from attempts"
        return connection.execute(query).fetchone()[0]


# A public address, as nobody knows better; nothing is ever sent there.
NO_HOST = "http://models.invalid/v1"


def test_a_server_of_ones_own_costs_nothing(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    with TestEndpoint() as endpoint:
        ended = hearten(*arguments(source, tmp_path / "out", endpoint, "--max-usd", 1))
        assert ended.code == 0, ended.err
    run = manifest(tmp_path / "out" / "meld")["run"]
    assert run["spent"]["usd"] == 0 and run["spent"]["prompt_tokens"] > 0
    assert run["prices"]["test-model"]["source"] == "a server of one's own"


def test_a_budget_in_dollars_needs_a_price(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    with TestEndpoint() as endpoint:
        flags = arguments(source, tmp_path / "out", endpoint, "--max-usd", 1)
        elsewhere = [NO_HOST if flag == endpoint.base_url else flag for flag in flags]
        ended = hearten(*elsewhere, cwd=tmp_path)
        assert ended.code == 1 and "price of test-model is not known" in one_line_error(ended)
        (tmp_path / "hearten.toml").write_text(
            '[prices."test-model"]\nprompt = 1.0\ncompletion = 2.0\n'
        )
        ended = hearten(*flags, cwd=tmp_path)
        assert ended.code == 0, ended.err
    assert 0 < manifest(tmp_path / "out" / "meld")["run"]["cost"]["usd"] < 1


@pytest.mark.slow
def test_both_clients_and_every_dialect_give_the_same_dataset(tmp_path):
    source = corpus(tmp_path / "meld", 2)
    made = []
    with TestEndpoint() as endpoint:
        for number, flags in enumerate((("--client", "openai"), ())):
            for dialects in (["json_schema"], ["json_object"], ["tool"], ["prompt"]):
                endpoint.control(dialects=dialects, dialect_status=500)
                output = tmp_path / f"{dialects[0]}{number}"
                ended = hearten(*arguments(source, output, endpoint, *flags))
                assert ended.code == 0, ended.err
                made.append(
                    [(r["id"], r["drafting"]["request_key"]) for r in samples(output / "meld")]
                )
    assert all(other == made[0] for other in made)
