"""Refusals: of one request for good, or of all; told apart by what else succeeds, not by words."""

import asyncio

import pytest
from asking import Memory, a_request, ask, opened, taken

from builders.errors import EndpointError, StoppedEarly
from builders.llm.failures import Failure

DAYS = [a_request(f"Day {number}.") for number in range(8)]
SAYS = {"kind": "says", "match": "Day 3."}


def refused(status, message="Nothing of the kind.", **error):
    return {**SAYS, "status": status, "body": {"error": {"message": message, **error}}}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refused(400), "refused"),
        (refused(403), "refused"),
        (refused(404), "refused"),
        (refused(409), "refused"),
        (refused(422), "refused"),
        (refused(451), "refused"),
        (refused(400, "Nicht so lang, bitte."), "refused"),
        (refused(400, "Nein.", code="data_inspection_failed"), "content_filter"),
        (refused(403, "requires moderation"), "content_filter"),
        (refused(413), "context_length"),
        (refused(400, "the prompt is too long: 9 > 8 maximum"), "context_length"),
        ({**SAYS, "body": {"choices": []}}, "refused"),
        ({**SAYS, "body": {"choices": [{"finish_reason": "stop"}]}}, "refused"),
        ({**SAYS, "body": {"choices": [], "promptFeedback": {"blockReason": "OTHER"}}}, None),
    ],
)
def test_a_request_that_is_refused_again_while_others_succeed_is_so_for_good(endpoint, fault, kind):
    endpoint.control(faults=[fault])
    outcomes, attempts = ask(endpoint.base_url, requests=DAYS)
    failure = outcomes.pop(3)
    assert isinstance(failure, Failure) and failure.kind == (kind or "content_filter")
    assert [outcome.outcome for outcome in outcomes] == ["ok"] * 7
    assert {about for about, *_ in attempts} == {"Day 3."}
    said = fault["body"].get("error", {}).get("message", "")
    assert said in failure.detail, "in the server's words"


@pytest.mark.usefixtures("quick")
def test_a_refusal_that_does_not_come_again_is_none(endpoint):
    endpoint.control(faults=[{**refused(400), "times": 1}])
    outcomes, _ = ask(endpoint.base_url, requests=DAYS, memory=Memory())
    assert [outcome.outcome for outcome in outcomes] == ["ok"] * 8


def test_the_last_request_is_refused_once_the_one_before_is_answered_again(endpoint):
    endpoint.control(faults=[refused(400)], keep_bodies=True)

    async def main():
        async with opened(endpoint.base_url) as ours:
            await ours.pool.complete(DAYS[0], taken)
            with pytest.raises(Failure) as caught:
                await ours.pool.complete(DAYS[3], taken)
            return caught.value

    assert asyncio.run(main()).kind == "refused"
    about = [body["messages"][-1]["content"] for body in endpoint.log()["bodies"]]
    assert about.count("Day 3.") >= 2 and about[-1] == "Day 0."


def test_a_server_that_begins_to_refuse_everything_stops_the_build(endpoint):
    async def main():
        async with opened(endpoint.base_url) as ours:
            await ours.pool.complete(DAYS[0], taken)
            no_more = {**refused(400, "Come back when you have paid."), "match": ""}
            await asyncio.to_thread(endpoint.control, faults=[no_more])
            return await asyncio.gather(
                *(ours.pool.complete(day, taken) for day in DAYS[1:]), return_exceptions=True
            )

    outcomes = asyncio.run(main())
    assert {type(outcome) for outcome in outcomes} == {StoppedEarly}
    assert "every request is refused now (HTTP 400: Come back when you have paid.)" in str(
        outcomes[0]
    )
    assert "every answer so far is kept" in str(outcomes[0])


@pytest.mark.parametrize(("count", "known"), [(1, "Day"), (8, "Day"), (8, "")])
def test_where_everything_is_refused_nothing_is_refused_for_good(endpoint, count, known):
    endpoint.control(faults=[{**refused(400), "match": known}])
    outcomes, _ = ask(endpoint.base_url, requests=DAYS[:count], memory=Memory())
    if known:
        assert [outcome.kind for outcome in outcomes] == ["bad_request"] * count
    else:
        assert {type(outcome) for outcome in outcomes} == {EndpointError}
        assert "every request is refused (HTTP 400: Nothing of the kind.)" in str(outcomes[0])


def test_where_twenty_are_refused_and_none_is_answered_the_build_ends(endpoint):
    endpoint.control(faults=[{**refused(400), "match": "Day"}])
    requests = [a_request(f"Day {number}.") for number in range(30)]
    outcomes, _ = ask(endpoint.base_url, requests=requests, memory=Memory())
    ended = [outcome for outcome in outcomes if isinstance(outcome, EndpointError)]
    assert ended and "every request is refused (HTTP 400: Nothing of the kind.)" in str(ended[0])


@pytest.mark.slow
def test_answers_that_take_long_are_waited_for_before_all_is_taken_for_refused(endpoint):
    slow = [{**refused(400), "match": f"Day {number}."} for number in (0, 1, 2, 4, 5, 6, 7)]
    endpoint.control(latency=3, faults=slow)
    outcomes, _ = ask(endpoint.base_url, requests=DAYS)
    assert outcomes[3].outcome == "ok"
    assert {getattr(outcome, "kind", "ok") for outcome in outcomes} == {"refused", "ok"}


class Known(Memory):
    """Remembers that it was answered before."""

    def has_answered(self, base_url, model):
        return True


def test_in_a_later_run_nothing_need_succeed_anew(endpoint):
    endpoint.control(faults=[refused(400)])
    (failure,), _ = ask(endpoint.base_url, requests=[DAYS[3]], memory=Known())
    assert isinstance(failure, Failure) and failure.kind == "refused"
