import asyncio
import time

import orjson
import pytest
from asking import BOTH, KEY, Memory, a_request, ask, error_of, opened, taken
from endpoints import TestEndpoint

from builders.errors import EndpointError, StoppedEarly
from builders.llm.failures import Failure
from builders.llm.pool import ATTEMPTS
from builders.llm.providers.openai_chat.body import MODES, ChatCapabilities
from builders.llm.providers.openai_http import OpenAITransport, over_aiohttp

# What comes back


@BOTH
def test_an_answer_comes_with_its_usage_its_time_and_where_it_came_from(endpoint, transport):
    endpoint.control(latency=0.05)
    (completion,), attempts = ask(endpoint.base_url, transport=transport)
    assert completion.outcome == "ok" and set(orjson.loads(completion.text)) == {
        "text",
        "emotion",
        "strategies",
        "awareness",
    }
    assert completion.finish_reason == "stop" and completion.model == "test-model"
    assert completion.prompt_tokens > 100 and completion.completion_tokens > 10
    assert 0.05 <= completion.seconds < 5
    assert completion.endpoint == endpoint.base_url
    assert attempts == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("refusal", "refusal"),
        ("filtered", "refusal"),
        ("truncated", "truncated"),
        ("empty", "empty"),
    ],
)
def test_a_refused_cut_off_or_blank_answer_is_never_ok(endpoint, fault, outcome):
    endpoint.control(faults=[{"kind": fault}])
    (completion,), _ = ask(endpoint.base_url)
    assert completion.outcome == outcome


def test_both_transports_send_equal_bodies_in_every_dialect(endpoint):
    for dialect in MODES:
        endpoint.control(keep_bodies=True)
        for transport in (over_aiohttp, OpenAITransport):
            memory = Memory(ChatCapabilities(dialect))
            (completion,), _ = ask(endpoint.base_url, transport=transport, memory=memory)
            assert completion.outcome == "ok" and "strategies" in orjson.loads(completion.text)
        log = endpoint.log()
        assert len(log["bodies"]) == 2 and log["bodies"][0] == log["bodies"][1]
        assert all(sent["authorization"] == f"Bearer {KEY}" for sent in log["headers"])


# Trying again


def test_many_rate_limits_halve_concurrency_once_and_the_answers_arrive(endpoint):
    endpoint.control(faults=[{"kind": "rate_limit", "times": 16, "retry_after": 0.1}])

    async def main():
        async with opened(endpoint.base_url, concurrency=16) as ours:
            limits = []

            async def noted(completion):
                limits.append(ours.limits.limit)
                return completion

            requests = [a_request(f"Day {number}.") for number in range(32)]
            completions = await asyncio.gather(
                *(ours.pool.complete(request, noted) for request in requests)
            )
            return completions, min(limits), ours.attempts

    completions, limit, attempts = asyncio.run(main())
    assert [completion.outcome for completion in completions] == ["ok"] * 32
    assert limit == 8, "one burst halves the limit once"
    assert [kind for _, kind, _ in attempts] == ["rate_limited"] * 16


@pytest.mark.usefixtures("quick")
def test_a_rate_limit_uses_up_no_try(endpoint):
    limited = {"kind": "rate_limit", "times": 3 * ATTEMPTS}
    endpoint.control(faults=[limited, {"kind": "html", "times": ATTEMPTS - 1}])
    (completion,), attempts = ask(endpoint.base_url)
    assert completion.outcome == "ok" and len(attempts) == 3 * ATTEMPTS + ATTEMPTS - 1


@pytest.mark.parametrize("retry_after", [None, 0, "20 years ago"])
def test_rate_limits_without_end_are_not_answered_with_a_storm(endpoint, retry_after):
    fault = {"kind": "rate_limit", "retry_after": retry_after}
    endpoint.control(faults=[fault if retry_after is not None else {"kind": "rate_limit"}])

    async def main():
        async with opened(endpoint.base_url, patience=6.0) as ours:
            requests = [a_request(f"Day {number}.") for number in range(60)]
            asked = [asyncio.create_task(ours.pool.complete(r, taken)) for r in requests]
            ended, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            ours.pool.stop(next(iter(ended)).exception())
            return await asyncio.gather(*asked, return_exceptions=True)

    assert {type(outcome) for outcome in asyncio.run(main())} == {StoppedEarly}
    # Those in flight at first, then few for each of the pauses: not one for each target.
    assert endpoint.log()["count"] < 60


@pytest.mark.parametrize("fault", ["unavailable_503", "overloaded_529"])
def test_a_model_that_loads_is_waited_for_with_a_few_requests(endpoint, fault):
    endpoint.control(faults=[{"kind": fault, "times": 3}])
    requests = [a_request(f"Day {number}.") for number in range(40)]
    outcomes, attempts = ask(endpoint.base_url, requests=requests, concurrency=1)
    assert [outcome.outcome for outcome in outcomes] == ["ok"] * 40
    assert len(attempts) == 3 and endpoint.log()["count"] == 43


@pytest.mark.usefixtures("quick")
def test_a_model_that_never_loads_stops_the_build_when_patience_ends(endpoint):
    endpoint.control(faults=[{"kind": "unavailable_503"}])
    stopped = error_of(endpoint.base_url, patience=0.3)
    assert isinstance(stopped, StoppedEarly) and "HTTP 503" in str(stopped)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("error_500", "server_error"),
        ("html", "bad_response"),
        ("invalid_json", "bad_response"),
    ],
)
@BOTH
def test_a_failure_that_passes_is_tried_again_and_a_lasting_one_is_raised(
    endpoint, fault, kind, transport
):
    # What is remembered is tested anew once on a 500; the fault is meant for our request only.
    lasting = {"kind": fault, "match": "It rained."}
    endpoint.control(faults=[{**lasting, "times": ATTEMPTS - 1}])
    (completion,), attempts = ask(endpoint.base_url, transport=transport)
    assert completion.outcome == "ok" and {attempt[1] for attempt in attempts} == {kind}
    endpoint.control(faults=[lasting])
    (failure,), attempts = ask(endpoint.base_url, transport=transport)
    assert isinstance(failure, Failure) and failure.kind == kind and len(attempts) == ATTEMPTS


@pytest.mark.usefixtures("quick")
@BOTH
def test_a_dropped_connection_is_made_again(endpoint, transport):
    endpoint.control(faults=[{"kind": "drop", "at": [2, 3]}])
    requests = [a_request("First."), a_request("Second.")]
    completions, attempts = ask(endpoint.base_url, requests=requests, transport=transport)
    assert [completion.outcome for completion in completions] == ["ok", "ok"]
    assert [kind for _, kind, _ in attempts] == ["connection", "connection"]


@pytest.mark.usefixtures("quick")
@BOTH
def test_an_answer_that_never_comes_is_a_timeout_and_lowers_concurrency(endpoint, transport):
    endpoint.control(faults=[{"kind": "hang", "times": 1}])

    async def main():
        async with opened(endpoint.base_url, timeout=0.3, transport=transport) as ours:
            completion = await ours.pool.complete(a_request(), taken)
            return completion, ours.attempts, ours.limits.limit

    completion, attempts, limit = asyncio.run(main())
    assert completion.outcome == "ok" and [kind for _, kind, _ in attempts] == ["timeout"]
    assert limit == 4


def test_the_slot_is_free_while_a_request_waits_to_be_tried_again(endpoint):
    fault = {"kind": "rate_limit", "match": "First.", "times": 1, "retry_after": 0.5}
    endpoint.control(faults=[fault])

    async def main():
        async with opened(endpoint.base_url, concurrency=1) as ours:
            done = []

            async def ask_about(about):
                await ours.pool.complete(a_request(about), taken)
                done.append((about, time.monotonic() - started))

            started = time.monotonic()
            await asyncio.gather(ask_about("First."), ask_about("Second."))
            return done

    (second, early), (first, late) = asyncio.run(main())
    assert (second, first) == ("Second.", "First.")
    assert early < 0.5 <= late
    assert endpoint.log()["max_in_flight"] == 1


def test_the_slot_is_held_until_the_answer_is_handed_over(endpoint):
    async def main():
        async with opened(endpoint.base_url, concurrency=1) as ours:
            handed_over = asyncio.Event()

            async def deliver(completion):
                await handed_over.wait()
                return completion

            asked = [
                asyncio.create_task(ours.pool.complete(a_request(f"Day {number}."), deliver))
                for number in range(2)
            ]
            await asyncio.sleep(0.3)
            before = (await asyncio.to_thread(endpoint.log))["count"]
            handed_over.set()
            await asyncio.gather(*asked)
            return before, (await asyncio.to_thread(endpoint.log))["count"]

    assert asyncio.run(main()) == (1, 2)


@pytest.mark.usefixtures("quick")
def test_another_endpoint_answers_when_one_stops_answering(endpoint):
    with TestEndpoint(faults=[{"kind": "drop"}]) as broken:
        requests = [a_request(f"Day {number}.") for number in range(40)]
        outcomes, attempts = ask(
            broken.base_url, endpoint.base_url, requests=requests, concurrency=4
        )
    assert [getattr(outcome, "outcome", outcome) for outcome in outcomes] == ["ok"] * 40
    assert {where for _, _, where in attempts} == {broken.base_url}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("forbidden", "the key was refused (HTTP 403)"),
        ("redirect", "HTTP 307"),
        ("quota", "the quota is exhausted"),
        ("drop", ""),
        ("html", "8 requests failed in a row"),
        ("context_length", "8 requests failed in a row"),
    ],
)
def test_a_bad_endpoint_of_two_is_set_aside_and_the_other_goes_on(endpoint, fault, words):
    endpoint.control(latency=0.02)
    requests = [a_request(f"Day {number}.") for number in range(60)]
    said = []
    with TestEndpoint(faults=[{"kind": fault}]) as bad:
        outcomes, attempts = ask(
            bad.base_url, endpoint.base_url, requests=requests, concurrency=4, say=said.append
        )
        assert bad.log()["count"] <= 20
    assert [getattr(outcome, "outcome", outcome) for outcome in outcomes] == ["ok"] * 60
    assert {where for _, _, where in attempts} == {bad.base_url}
    assert len(said) == 1 and words in said[0] and bad.base_url in said[0]
    assert "set aside and tried again later, the other endpoints go on" in said[0]


def test_an_endpoint_that_was_set_aside_is_tried_again(endpoint, monkeypatch):
    monkeypatch.setattr("builders.llm.pool._FIRST_ASIDE", 0.1)
    endpoint.control(latency=0.05)
    said = []
    with TestEndpoint(faults=[{"kind": "forbidden", "times": 4}]) as away:
        requests = [a_request(f"Day {number}.") for number in range(80)]
        outcomes, _ = ask(
            away.base_url, endpoint.base_url, requests=requests, concurrency=4, say=said.append
        )
        assert away.log()["answered"] > 0
    assert [outcome.outcome for outcome in outcomes] == ["ok"] * 80
    assert said[1:] == [f"{away.base_url} answers again"]


@pytest.mark.parametrize("fault", ["forbidden", "quota"])
def test_what_was_sent_before_an_endpoint_came_back_sets_it_aside_no_more(
    endpoint, monkeypatch, fault
):
    monkeypatch.setattr("builders.llm.pool._FIRST_ASIDE", 0.1)
    endpoint.control(latency=0.02)
    said = []

    async def main(*base_urls):
        async with opened(*base_urls, concurrency=4, say=said.append) as ours:
            places = asyncio.Semaphore(10)

            async def asked(number):
                async with places:
                    return await ours.pool.complete(a_request(f"Day {number}."), taken)

            return await asyncio.gather(*map(asked, range(100))), ours.attempts

    # The first one sets it aside. The others come only when it answers again: while it is tried,
    # a second answer means that the first was received.
    late = {"kind": fault, "at": [2, 3, 4], "after": 2}
    with TestEndpoint(faults=[{"kind": fault, "at": [1]}, late]) as away:
        outcomes, attempts = asyncio.run(main(away.base_url, endpoint.base_url))
    assert [outcome.outcome for outcome in outcomes] == ["ok"] * 100
    assert len(attempts) == 4 and said[1:] == [f"{away.base_url} answers again"]


def test_when_every_endpoint_is_bad_the_last_one_says_why(endpoint):
    endpoint.control(faults=[{"kind": "forbidden"}])
    with TestEndpoint(faults=[{"kind": "redirect"}]) as other:
        outcomes, _ = ask(other.base_url, endpoint.base_url)
    assert isinstance(outcomes[0], EndpointError)


@pytest.mark.parametrize("fault", ["context_length", "content_filter"])
def test_a_prompt_that_every_endpoint_refuses_is_refused(endpoint, fault):
    refused = {"kind": fault, "match": "Day 0."}
    endpoint.control(faults=[refused])
    with TestEndpoint(faults=[refused]) as other:
        requests = [a_request(f"Day {number}.") for number in range(6)]
        (failure, *others), _ = ask(other.base_url, endpoint.base_url, requests=requests)
        assert isinstance(failure, Failure) and failure.kind == fault
        assert [one.outcome for one in others] == ["ok"] * 5


# Stopping


@pytest.mark.usefixtures("quick")
def test_a_build_stops_resumably_when_nothing_succeeds_for_long(endpoint):
    endpoint.control(faults=[{"kind": "rate_limit"}])
    stopped = error_of(endpoint.base_url, patience=0.4)
    assert isinstance(stopped, StoppedEarly)
    assert "nothing has succeeded for" in str(stopped) and endpoint.base_url in str(stopped)
    assert "every answer so far is kept; run the same command again" in str(stopped)


@pytest.mark.usefixtures("quick")
def test_a_pause_between_requests_is_not_taken_for_a_silent_endpoint(endpoint):
    async def main():
        async with opened(endpoint.base_url, patience=0.3) as ours:
            await ours.pool.complete(a_request("First."), taken)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(endpoint.control, faults=[{"kind": "rate_limit", "times": 2}])
            return await ours.pool.complete(a_request("Second."), taken)

    assert asyncio.run(main()).outcome == "ok"


def test_once_stopped_what_waits_for_a_slot_or_to_try_again_is_not_sent(endpoint):
    endpoint.control(
        latency=0.3, faults=[{"kind": "rate_limit", "match": "Day 0.", "retry_after": 30}]
    )

    async def main():
        async with opened(endpoint.base_url, concurrency=2) as ours:
            asked = [
                asyncio.create_task(ours.pool.complete(a_request(f"Day {number}."), taken))
                for number in range(9)
            ]
            await asyncio.sleep(0.45)
            ours.pool.stop(StoppedEarly("enough"))
            return await asyncio.gather(*asked, return_exceptions=True)

    started = time.monotonic()
    outcomes = asyncio.run(main())
    assert time.monotonic() - started < 3
    taken_in = [outcome for outcome in outcomes if not isinstance(outcome, StoppedEarly)]
    assert all(outcome.outcome == "ok" for outcome in taken_in) and 1 <= len(taken_in) <= 3
    assert endpoint.log()["count"] == len(taken_in) + 1


def test_an_exhausted_quota_stops_at_once(endpoint):
    endpoint.control(faults=[{"kind": "quota"}])
    stopped = error_of(endpoint.base_url)
    assert isinstance(stopped, StoppedEarly) and "the quota is exhausted" in str(stopped)
    assert "add credit and run the same command again" in str(stopped)
    assert endpoint.log()["count"] == 1
