import asyncio
import random
from contextlib import aclosing

import pytest
from asking import session
from invented import SAD, answer_text, clip, reply, target, utterance

from builders.errors import EndpointError, StoppedEarly
from builders.llm.exchange import Retry
from builders.llm.prompts import draft_version
from builders.llm.request import Request, key
from builders.llm.runner import BLOCK, ask
from builders.llm.settings import Sampling
from builders.llm.task import Accepted, GivenUp, Pending
from builders.pipeline.context import Conversation
from builders.record.types import (
    Contrast,
    Dialogue,
    Drafted,
    Emotions,
    Finding,
    Reject,
    Voice,
)
from builders.store.database import Answer, Attempt, RequestRow, Store
from builders.tasks.reply.asking import PromptExtras
from builders.tasks.reply.draft import ATTEMPTS, Drafter, drafted

DRAFTER = Drafter("a-model", "assistant", "voice", Sampling())
GOOD = Answer("ok", answer_text())
SHORT = Answer("ok", answer_text(text="Great!"))
LINK = Answer("ok", answer_text(text="Look at www.example.org tonight."))
NO_JSON = Answer("ok", "That is great to hear.")
NO_RETRY = Retry()
REFUSAL, TRUNCATED = Answer("refusal", "I cannot."), Answer("truncated", '{"text": "Wha')
TOO_LONG = Answer("context_length", "")


class Scripted:
    """Answers each target from its own list, commits the answer, and notes what it was asked."""

    def __init__(
        self, store: Store, script: dict[int, list], seconds: dict[int, float] | None = None
    ):
        self._store = store
        self._script = {target(number).id: list(answers) for number, answers in script.items()}
        self._seconds = {target(number).id: wait for number, wait in (seconds or {}).items()}
        self.requests: list[Request] = []
        self.finished: list[str] = []
        self._now = 0
        self.most = 0
        self.stopped = None

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        self.requests.append(request)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._seconds.get(request.record_id, 0))
        self._now -= 1
        self.finished.append(request.record_id)
        answer = self._script[request.record_id].pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Answer):
            asked = RequestRow(
                request_key, request.record_id, request.attempt, "a-model", "draft 1"
            )
            attempt = Attempt(request_key, "a-model", "http://x", answer.outcome)
            self._store.save([asked], {request_key: answer}, [("a-build", attempt)])
        return answer

    def stop(self, error):
        self.stopped = error


def as_recorded(outcome):
    """Return an accepted draft as the record has it, and any other outcome as it is."""
    return drafted(outcome) if isinstance(outcome, Accepted) else outcome


@pytest.fixture
def store(tmp_path):
    opened = Store(str(tmp_path / "hearten.sqlite"))
    yield opened
    opened.close()


def converse(store: Store, model: Scripted, items, retry=NO_RETRY, **limits):
    """Return the outcomes in order, and the session that they were asked with."""
    with_ = session(store, model, retry, limits.pop("open_at_once", 128))

    async def run():
        asked = ask(DRAFTER, iter(items), with_, **limits)
        return [
            item if isinstance(item, Reject) else (item[0], as_recorded(item[1]))
            async for item in asked
        ]

    return asyncio.run(run()), with_


def draft(store: Store, answers: list, retry=NO_RETRY, emotions=None):
    """Return the outcome of one target's script, and the requests that were made."""
    model = Scripted(store, {1: answers})
    one = target(1, emotions) if emotions else target(1)
    ((_, outcome),), _ = converse(store, model, [one], retry)
    return outcome, model.requests


def test_a_good_answer_is_accepted_at_once(store):
    outcome, (request,) = draft(store, [GOOD])
    assert outcome == Drafted(reply(), [], key(DRAFTER.first_request(target(1))), 1)
    assert request == DRAFTER.first_request(target(1))


@pytest.mark.parametrize("wrong", [[NO_JSON], [NO_JSON, SHORT]], ids=["one", "two"])
def test_an_answer_is_accepted_after_corrections(store, wrong):
    outcome, requests = draft(store, [*wrong, GOOD])
    assert outcome == Drafted(reply(), [], key(requests[-1]), len(wrong) + 1)
    assert len(requests) == len(wrong) + 1


def test_a_correction_carries_the_last_answer_and_its_errors_and_nothing_older(store):
    _, (first, second, third) = draft(store, [SHORT, LINK, GOOD])
    assert second.messages[:2] == third.messages[:2] == first.messages
    for request, answer, error in ((second, SHORT, "it has 1 words"), (third, LINK, "a link")):
        said, asked = request.messages[2:]
        assert said == {"role": "assistant", "content": answer.text}
        assert asked["role"] == "user"
        assert error in asked["content"]
    assert "it has 1 words" not in str(third.messages)


def test_all_errors_of_an_answer_are_said_together(store):
    both = Answer("ok", answer_text(text="**Great!**", strategies=["inquiry", "celebration"]))
    _, (_, second) = draft(store, [both, GOOD])
    for error in ("inquiry asks a question", "it has 1 words", "it holds markdown"):
        assert error in second.messages[3]["content"]


def test_after_two_corrections_a_fresh_try_with_another_seed_follows(store):
    outcome, requests = draft(store, [SHORT, SHORT, SHORT, GOOD])
    assert outcome == Drafted(reply(), [], key(requests[3]), 4)
    assert requests[3].messages == requests[0].messages
    assert len({request.seed for request in requests}) == 4
    assert len({key(request) for request in requests}) == 4
    assert [request.attempt for request in requests] == [0, 1, 2, 3]


def test_a_target_is_given_up_after_the_fresh_try_with_its_last_reason(store):
    outcome, requests = draft(store, [SHORT, NO_JSON, SHORT, LINK, GOOD])
    assert len(requests) == ATTEMPTS == 4
    assert isinstance(outcome, GivenUp)
    assert (outcome.reason, outcome.answer) == ("not_speakable", LINK.text)
    assert "it holds a link or an address ('www.')" in outcome.detail


@pytest.mark.parametrize("stopped", [REFUSAL, TRUNCATED])
def test_what_has_nothing_to_correct_goes_to_the_fresh_try(store, stopped):
    outcome, requests = draft(store, [stopped, GOOD])
    assert outcome == Drafted(reply(), [], key(requests[1]), 2)
    assert requests[1].messages == requests[0].messages
    assert requests[1].attempt == 3 and requests[1].seed != requests[0].seed


def test_a_refusal_of_a_correction_goes_to_the_fresh_try_too(store):
    _, requests = draft(store, [SHORT, REFUSAL, GOOD])
    assert [request.attempt for request in requests] == [0, 1, 3]


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (REFUSAL, "refusal", "the model refused to answer"),
        (TRUNCATED, "truncated", "the answer was cut off before its end"),
    ],
)
def test_a_refusal_or_a_cut_off_answer_is_never_data(store, answer, reason, detail):
    outcome, requests = draft(store, [answer, answer])
    assert outcome == GivenUp(reason, detail, answer.text)
    assert len(requests) == 2


def test_a_prompt_that_is_too_long_is_not_sent_again(store):
    outcome, requests = draft(store, [TOO_LONG])
    assert (outcome.reason, len(requests)) == ("context_length", 1)


def test_an_answer_is_judged_by_what_the_label_of_its_target_allows(store):
    outcome, requests = draft(store, [GOOD] * 4, emotions=SAD)
    assert outcome.reason == "strategy_not_allowed"
    assert len(requests) == 4


def test_the_raw_answer_stays_in_the_store_beside_what_was_rewritten(store):
    raw = Answer("ok", answer_text(emotion="Joy"))
    outcome, (request,) = draft(store, [raw])
    assert outcome.coercions == [{"field": "emotion", "from": "Joy", "to": "happiness"}]
    assert store.held([key(request)])[key(request)].text == raw.text


def test_outcomes_come_in_the_order_of_targets_whatever_the_order_of_answers(store):
    order = random.Random(2)
    numbers = list(range(150))
    model = Scripted(
        store,
        {n: [GOOD] if n % 3 else [SHORT, GOOD] for n in numbers},
        {n: order.uniform(0, 0.05) for n in numbers},
    )
    reject = Reject("meld-dev-9-9", "dev", "read", "broken_time", "the end is before the start")
    items = [*(target(n) for n in numbers[:70]), reject, *(target(n) for n in numbers[70:])]
    outcomes, with_ = converse(store, model, items, window=40, open_at_once=16)
    expected = [target(n).id for n in numbers]
    assert [item[0].id for item in outcomes if not isinstance(item, Reject)] == expected
    assert outcomes[70] is reject
    assert list(dict.fromkeys(model.finished)) != expected
    assert model.most == 16
    assert with_.asked == len(model.requests) == 200


def test_a_late_answer_holds_back_the_reading(store):
    model = Scripted(store, {n: [GOOD] for n in range(1000)}, {0: 0.3})
    read, ahead = [], []

    async def run():
        items = (read.append(n) or target(n) for n in range(1000))
        async for _ in ask(DRAFTER, items, session(store, model), window=100):
            ahead.append(len(read) - len(ahead))

    asyncio.run(run())
    assert len(ahead) == 1000
    assert max(ahead) <= 100 + BLOCK


def test_held_answers_cost_no_request_and_change_nothing(store):
    script = {1: [GOOD], 2: [SHORT, GOOD], 3: [SHORT] * 4, 4: [REFUSAL, GOOD]}
    targets = [target(n) for n in script]
    before, _ = converse(store, Scripted(store, script), targets)
    nobody = Scripted(store, {})
    after, with_ = converse(store, nobody, targets)
    assert [outcome for _, outcome in after] == [outcome for _, outcome in before]
    assert nobody.requests == [] and with_.asked == 0


def test_a_conversation_that_was_cut_off_goes_on_after_its_last_held_answer(store):
    first = DRAFTER.first_request(target(1))
    whole, _ = draft(store, [SHORT, GOOD])
    address = store.engine.url.render_as_string(hide_password=False)
    only = Store(address.replace("hearten.sqlite", "other.sqlite"))
    only.save([], {key(first): SHORT}, [])
    outcome, requests = draft(only, [GOOD])
    assert outcome == whole
    assert [request.attempt for request in requests] == [1]
    only.close()


def test_a_given_up_target_is_asked_again_only_when_a_retry_is_wanted(store):
    given_up, _ = draft(store, [SHORT] * 4)
    assert draft(store, [GOOD]) == (given_up, [])
    assert draft(store, [GOOD], Retry(kinds=frozenset({"refusal"}))) == (given_up, [])
    outcome, (request,) = draft(store, [GOOD], Retry(kinds=frozenset({"length"})))
    assert outcome == Drafted(reply(), [], key(request), 5)
    assert request == DRAFTER.first_request(target(1), 1)
    assert request.attempt == ATTEMPTS


def test_a_retry_goes_one_round_further_each_time_and_is_held_later(store):
    wanted = Retry(wanted=True)
    draft(store, [SHORT] * 4)
    second, requests = draft(store, [LINK, LINK, LINK, LINK, GOOD], wanted)
    assert (second.reason, len(requests)) == ("not_speakable", 4)
    assert draft(store, []) == (second, [])
    third, requests = draft(store, [GOOD], wanted)
    assert (third.attempts, requests[0].attempt) == (9, 2 * ATTEMPTS)
    assert draft(store, [], wanted) == (third, [])
    assert draft(store, []) == (third, [])


def test_a_target_without_an_answer_is_left_and_not_rejected(store):
    left = Pending("timeout", "no answer within 120 s")
    outcome, requests = draft(store, [SHORT, left])
    assert outcome == left
    assert len(requests) == 2
    outcome, requests = draft(store, [GOOD])
    assert isinstance(outcome, Drafted)
    assert [request.attempt for request in requests] == [1]


def test_an_error_of_the_endpoint_stops_the_asking_and_keeps_its_first_reason(store):
    wrong_key = EndpointError("the key was refused", do="correct HEARTEN_API_KEY")
    budget = StoppedEarly("the budget is reached")
    script = {**{n: [GOOD] for n in range(200)}, 2: [budget], 3: [wrong_key]}
    model = Scripted(store, script, {2: 0.01})
    read = []

    def items():
        for n in range(200):
            read.append(n)
            yield target(n)

    outcomes, with_ = converse(store, model, items(), open_at_once=4)
    assert with_.stopped is wrong_key
    assert outcomes[2][1] == Pending("stopped", "the budget is reached")
    assert outcomes[3][1] == Pending("stopped", "the key was refused; correct HEARTEN_API_KEY")
    assert outcomes[63][1] == outcomes[3][1]
    assert len(model.requests) < 10
    assert len(read) == len(outcomes) == 2 + 64  # a small block, so that the first request leaves


def test_held_answers_are_still_taken_once_the_asking_has_stopped(store):
    converse(store, Scripted(store, {2: [GOOD]}), [target(2)])
    model = Scripted(store, {1: [EndpointError("the key was refused")]})
    outcomes, _ = converse(store, model, [target(1), target(2)])
    assert [type(outcome) for _, outcome in outcomes] == [Pending, Drafted]


def test_a_fault_of_ours_is_not_taken_for_an_answer(store):
    with pytest.raises(ZeroDivisionError):
        draft(store, [ZeroDivisionError("a fault")])


def test_a_prompt_has_a_schema_that_offers_what_the_label_allows():
    schema = DRAFTER.first_request(target(1, SAD)).schema.document["properties"]
    assert "celebration" not in schema["strategies"]["items"]["enum"]
    emotions = schema["awareness"]["properties"]["emotions"]["items"]["enum"]
    assert emotions[0] == "sadness" and "happiness" not in emotions


def test_what_is_under_way_is_cancelled_when_nobody_takes_the_outcomes_any_more(store):
    script = {number: [GOOD] for number in (1, 2, 3)}
    model = Scripted(store, script, {1: 0.5, 2: 30, 3: 30})

    async def run():
        targets = iter([target(number) for number in script])
        async with aclosing(ask(DRAFTER, targets, session(store, model))) as outcomes:
            async for _ in outcomes:
                break
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert len(model.requests) == 3 and len(model.finished) == 1


def test_people_who_have_numbers_are_called_by_their_part_in_the_dialogue():
    said = [utterance(n, speaker=("31", "44", "9")[n % 3]) for n in range(4)]
    dialogue = Dialogue("dev", "1", said, assistant="44")
    one = Conversation(dialogue, [SAD] * 4, 8, "assistant").target(3)
    prompt = Drafter("a-model", "assistant", "self", Sampling(), named=False).first_request(one)
    text = prompt.messages[1]["content"]
    for line in (
        f"Speaker: {said[0].text}",
        f"Listener: {said[1].text}",
        f"Other: {said[2].text}",
        f'Speaker, now: "{said[3].text}"',
        "Reply to Speaker.",
    ):
        assert line in text
    one = Conversation(dialogue, [SAD] * 4, 8, "addressee").target(3)
    text = Drafter("a-model", "addressee", "self", Sampling(), named=False).first_request(one)
    assert "Reply to Speaker as Listener." in text.messages[1]["content"]


def test_a_neutral_twin_is_asked_again_when_the_reply_names_a_feeling(store):
    calm = Emotions("neutral", "neutral", "neutral", "low")
    said = {
        "emotion": "neutral",
        "strategies": ["mindful_presence"],
        "awareness": {"act": "respects", "emotions": ["neutral"]},
    }
    sad = Answer("ok", answer_text(text="You sound sad, so take your time.", **said))
    plain = Answer("ok", answer_text(text="Take your time, the clock can wait.", **said))
    twin = target(1, emotions=calm)
    twin.contrast = Contrast("a-group", "neutral")
    model = Scripted(store, {1: [sad, plain]})
    ((_, outcome),), _ = converse(store, model, [twin])
    assert outcome.reply["text"].startswith("Take your time") and outcome.attempts == 2
    told = model.requests[1].messages[-1]["content"]
    assert "it names a feeling ('sad')" in told and "name no feeling" in told
    enum = model.requests[0].schema.document["properties"]["awareness"]["properties"]["emotions"]
    assert enum["items"]["enum"] == ["neutral"]


# Models that hear


def hearing() -> Drafter:
    extras = PromptExtras(hears=True)
    return Drafter("a-model", "assistant", "voice", Sampling(), extras=extras)


def test_a_model_that_hears_is_sent_the_clip_and_told_so():
    one = target(1, clip=clip())
    deaf, heard = DRAFTER.first_request(one), hearing().first_request(one)
    assert (heard.audio_sha256, heard.audio.flac) == (one.clip.sha256_pcm, one.clip.flac)
    assert (deaf.audio_sha256, deaf.audio) == (None, None)
    before, added = deaf.messages[1]["content"], heard.messages[1]["content"]
    assert added.startswith(before) and "The clip in which Mira says this is attached" in added
    assert heard.messages[0] == deaf.messages[0]
    assert "draft/hear 1+" in heard.prompt_version
    assert deaf.prompt_version == draft_version()
    assert key(deaf) != key(heard)


def test_a_clip_that_no_model_is_sent_is_drafted_from_its_words():
    one = target(1, clip=clip())
    one.clip.findings = (Finding("not_heard", 40.0, "longer than the 30 s that a model is sent"),)
    assert key(hearing().first_request(one)) == key(DRAFTER.first_request(one))
    assert key(hearing().first_request(target(1))) == key(DRAFTER.first_request(target(1)))


def test_corrections_and_fresh_tries_carry_the_clip(store):
    one = target(1, clip=clip())
    model = Scripted(store, {1: [SHORT, NO_JSON, SHORT, GOOD]})

    async def run():
        outcomes = ask(hearing(), iter([one]), session(store, model))
        return [as_recorded(outcome) async for _, outcome in outcomes]

    (outcome,) = asyncio.run(run())
    assert outcome.heard_audio and outcome.attempts == 4
    assert "draft/hear 1+" in outcome.prompt_version
    assert [request.audio_sha256 for request in model.requests] == [one.clip.sha256_pcm] * 4
    assert all(request.audio.flac is one.clip.flac for request in model.requests)


def test_the_keys_of_the_first_version_of_the_prompt_are_what_they_always_were():
    """Answers are held under them: a change here pays for every draft again."""
    voice = Voice([], "speaker", "softer (against how this speaker usually sounds)", True)
    spoken_sadly = target(2, SAD, voice=voice, clip=clip())
    first = Drafter("a-model", "assistant", "voice", Sampling(), extras=PromptExtras(prompt=1))
    assert [key(first.first_request(one)) for one in (target(1), spoken_sadly)] == [
        "8c320d5f45edb6a8870bcfa76eeefeb9255172b10312bec0307a6564e18a95a5",
        "6f4b766c182da4521edb28a934b71e10861c3062ddb2a3bd51f88c9fc9269330",
    ]
