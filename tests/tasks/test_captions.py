"""Captions: asked for before the reply, held against what was measured, held like every answer."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from asking import session
from invented import answer_text, clip, target

from builders.llm.exchange import Retry
from builders.llm.request import Request, key
from builders.llm.runner import ask
from builders.llm.settings import Sampling
from builders.llm.task import Accepted, GivenUp, Pending
from builders.record.types import Drafted, Finding, Voice
from builders.store.database import Answer, Attempt, RequestRow, Store
from builders.tasks.caption import Captioned
from builders.tasks.reply.draft import Drafter, drafted

WORDS = "faster (against how this speaker usually sounds)"
DESCRIPTORS = [{"name": "speaking_rate", "value": 6.0, "unit": "syllables per second", "z": 1.0}]
VOICE = Voice(DESCRIPTORS, "speaker", WORDS, reliable=True)
TEXT = "A dry voice that hurries to the end."
NO_RETRY = Retry()
GOOD = Answer("ok", answer_text())
SHORT = Answer("ok", answer_text(text="Great!"))
REFUSAL = Answer("refusal", "I cannot.")


def caption(text: str = TEXT, **claimed: str) -> Answer:
    silent = dict.fromkeys(("pitch", "melody", "loudness", "rate", "pauses"), "not_said")
    return Answer("ok", orjson.dumps({"caption": text, "claims": {**silent, **claimed}}).decode())


def heard(number: int = 1, voice: Voice = VOICE):
    return target(number, clip=clip(), voice=voice)


class Models:
    """An ear and a writer that say in turn what they are told to; what is said is committed."""

    def __init__(self, store: Store, *answers: Answer | Pending) -> None:
        self.store, self.answers = store, list(answers)
        self.asked: list[Request] = []

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Answer):
            kept = RequestRow(request_key, request.record_id, request.attempt, request.model, "1")
            attempt = Attempt(request_key, request.model, "here", answer.outcome)
            self.store.save([kept], {request_key: answer}, [("a-build", attempt)])
        return answer

    def stop(self, error: Exception) -> None:
        raise AssertionError(error)


def as_recorded(outcome):
    """Return an accepted draft as the record has it, and any other outcome as it is."""
    return drafted(outcome) if isinstance(outcome, Accepted) else outcome


@pytest.fixture
def store(tmp_path):
    opened = Store(str(tmp_path / "hearten.sqlite"))
    yield opened
    opened.close()


def captioned() -> Captioned:
    return Captioned(Drafter("a-writer", "assistant", "voice", Sampling()), "an-ear")


def outcome_of(store: Store, one, *answers: Answer | Pending, retry: Retry = NO_RETRY):
    """Return the outcome of a target, and the requests that were made about it."""
    models = Models(store, *answers)

    async def run():
        outcomes = ask(captioned(), iter([one]), session(store, models, retry))
        return [as_recorded(outcome) async for _, outcome in outcomes]

    (outcome,) = asyncio.run(run())
    assert not models.answers, "everything that could be said was asked for"
    return outcome, models.asked


def test_the_clip_is_described_first_and_the_reply_drafted_with_it(store):
    one = heard()
    outcome, (asked, drafted) = outcome_of(store, one, caption(), GOOD)
    assert (asked.model, asked.audio_sha256) == ("an-ear", one.clip.sha256_pcm)
    assert asked.audio.flac == one.clip.flac
    assert (drafted.model, drafted.audio_sha256) == ("a-writer", None)
    assert f'{WORDS}. A listener wrote: "{TEXT}"\n' in drafted.messages[1]["content"]
    assert one.caption.text == TEXT and one.caption.dropped is None
    assert isinstance(outcome, Drafted)
    assert outcome.attempts == 1, "what was said of the clip is no attempt at the reply"
    assert outcome.request_key == key(drafted) and not outcome.heard_audio
    assert "draft/voice 1+" in outcome.prompt_version


def test_the_words_and_the_label_are_not_told_to_whom_describes_the_clip(store):
    one = heard()
    _, (asked, _) = outcome_of(store, one, caption(), GOOD)
    said = str(asked.messages)
    assert one.utterance.text not in said and WORDS not in said
    assert "happiness" not in said and one.utterance.speaker not in said


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (caption(rate="lower"), "contradicts_rate"),
        (caption("The words come slowly."), "contradicts_rate"),
        (caption("A sad voice, close by."), "names_feeling"),
        (caption("Nobody waved, it says, in a dry voice."), None),
        (caption("She says: the boat left at 1, and stops."), "repeats_words"),
    ],
)
def test_a_caption_that_cannot_stand_is_dropped_and_the_reply_drafted_without_it(
    store, answer, reason
):
    one = heard()
    outcome, (_, drafted) = outcome_of(store, one, answer, GOOD)
    assert one.caption.dropped == reason
    assert (one.caption.text is None) == (reason is not None)
    assert isinstance(outcome, Drafted)
    plain = captioned().then.first_request(heard())
    assert (key(drafted) == key(plain)) == (reason is not None)


def test_an_ear_that_never_answers_as_asked_costs_the_record_nothing_but_its_caption(store):
    one = heard()
    wrong = [caption("Dry."), Answer("ok", "a dry voice"), REFUSAL]
    outcome, asked = outcome_of(store, one, *wrong, SHORT, GOOD)
    assert [request.model for request in asked] == ["an-ear"] * 3 + ["a-writer"] * 2
    assert (one.caption.dropped, one.caption.answers) == ("refusal", 3)
    assert isinstance(outcome, Drafted) and outcome.attempts == 2


def test_what_is_held_is_never_asked_for_again(store):
    first, _ = outcome_of(store, heard(), caption(), SHORT, GOOD)
    again, asked = outcome_of(store, heard())
    assert again == first and asked == []


def test_a_reply_drafted_without_a_caption_is_held_for_one_whose_caption_was_dropped(store):
    plain = captioned().then.first_request(heard())
    asked = RequestRow(key(plain), plain.record_id, 0, "a-writer", "1")
    store.save([asked], {key(plain): GOOD}, [])
    outcome, requests = outcome_of(store, heard(), caption(rate="lower"))
    assert isinstance(outcome, Drafted)
    assert [request.model for request in requests] == ["an-ear"]


def test_a_caption_that_could_not_be_had_leaves_the_target_and_rejects_nothing(store):
    outcome, _ = outcome_of(store, heard(), Pending("timeout", "no answer in time"))
    assert outcome == Pending("timeout", "no answer in time")


def test_a_further_round_about_the_reply_does_not_ask_about_the_clip_again(store):
    given_up, _ = outcome_of(store, heard(), caption(), *[SHORT] * 4)
    assert isinstance(given_up, GivenUp)
    outcome, asked = outcome_of(store, heard(), GOOD, retry=Retry(wanted=True))
    assert [request.model for request in asked] == ["a-writer"]
    assert isinstance(outcome, Drafted) and outcome.attempts == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: setattr(one, "voice", Voice([], "none", None, False)), "not_measured"),
        (lambda one: setattr(one.clip, "findings", (Finding("not_heard", 40.0),)), "not_heard"),
    ],
)
def test_nobody_is_asked_where_the_answer_could_not_be_checked_or_given(store, change, reason):
    one = heard()
    change(one)
    outcome, asked = outcome_of(store, one, GOOD)
    assert [request.model for request in asked] == ["a-writer"]
    assert (one.caption.text, one.caption.dropped) == (None, reason)
    assert isinstance(outcome, Drafted)


def test_a_reply_that_repeats_the_caption_talks_of_the_voice(store):
    echo = Answer("ok", answer_text(text="I hear a dry voice that hurries, and I am glad for you!"))
    _, (_, _, corrected) = outcome_of(store, heard(), caption(), echo, GOOD)
    assert "it repeats how the voice was described" in corrected.messages[3]["content"]


@pytest.mark.parametrize(
    "said",
    [
        "You are speaking faster today, and that says a lot!",
        "Your voice is quiet, and I am listening to you.",
        "The pauses in your voice tell me how much this means.",
    ],
)
def test_a_caption_lets_no_talk_of_measures_through(store, said):
    told = caption("Quick speech in a quiet voice, with a few pauses.")
    _, requests = outcome_of(store, heard(), told, Answer("ok", answer_text(text=said)), GOOD)
    assert "how the voice measures" in requests[2].messages[3]["content"]


def test_what_is_held_settles_captions_for_an_estimate(store):
    outcome_of(store, heard(1), caption(), GOOD)
    targets = [heard(1), heard(2)]
    (asked,) = captioned().settled(targets, store)
    assert asked.record_id == targets[1].id and asked.model == "an-ear"
    assert targets[0].caption.text == TEXT and targets[1].caption is None
    assert len(captioned().settled([heard(1)], None)) == 1
