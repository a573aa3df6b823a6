"""The test endpoint answers as a good model would: whatever it is asked, its reply is accepted."""

import orjson
import pytest
from endpoint.answers import answer

from builders.labels import strategies, vocabulary
from builders.record.schema import Validator, narrowed_reply
from builders.record.types import Emotions
from builders.tasks.reply.checks.reading import Reply, read_answer


def _emotions(node):
    known = vocabulary.vocabulary()
    return Emotions(node, known.root_of(node), known.valence(node), known.arousal(node))


@pytest.mark.parametrize("own_turns", [0, 2])
def test_every_answer_passes_the_checks_of_a_reply(own_turns):
    for node in vocabulary.vocabulary().nodes:
        emotions = _emotions(node)
        allowed = strategies.allowed(emotions, own_turns)
        document = narrowed_reply(allowed, vocabulary.allowed_emotions(emotions))
        checker = Validator(document)
        for seed in range(40):
            text = orjson.dumps(answer(document, seed)).decode()
            verdict = read_answer(text, checker, emotions)
            assert isinstance(verdict, Reply), (node, verdict)
            assert verdict.coercions == []


def test_answers_differ_between_seeds_and_not_between_times():
    emotions = _emotions("sadness")
    document = narrowed_reply(
        strategies.allowed(emotions, 0), vocabulary.allowed_emotions(emotions)
    )
    texts = {answer(document, seed)["text"] for seed in range(200)}
    assert len(texts) > 100
    assert answer(document, 7) == answer(document, 7)
