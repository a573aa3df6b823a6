"""What a response with status 200 comes to: an answer only where it can be seen that it is one."""

import orjson
import pytest
from asking import BOTH, Memory, a_request, ask

from builders.llm.failures import Failure
from builders.llm.objects import find_object
from builders.llm.pool import ATTEMPTS
from builders.llm.providers.openai_chat.body import ChatCapabilities

LASTING = {"kind": "changed", "match": "It rained."}


def changed(**choice):
    return {**LASTING, "change": {"choices": [choice]}}


def says(body, status=200, **more):
    return {"kind": "says", "match": "It rained.", "body": body, "status": status, **more}


# Failures: tried again, never an answer


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (changed(finish_reason="error", message={"content": ""}), "server_error", "'error'"),
        (changed(finish_reason="error"), "server_error", "'error'"),
        (changed(finish_reason="Upstream_Failed"), "server_error", "broke off"),
        (changed(finish_reason="never seen", message={"content": "Half"}), "server_error", "never"),
        (changed(finish_reason=None, message={"content": '{"te'}), "server_error", "no finish"),
        (changed(finish_reason={"n": "odd"}, message={"content": ""}), "server_error", "odd"),
        (changed(error={"code": 502, "message": "Idle."}), "server_error", "error 502: Idle."),
        (changed(message={"error": {"code": 429, "message": "x"}}), "rate_limited", "429"),
        (says({"error": {"message": "Provider returned error"}}), "server_error", "Provider ret"),
        (says({"error": {"message": "Slow down", "code": 429}}), "rate_limited", "Slow down"),
        (says({"error": "Loading"}), "server_error", "Loading"),
        (says([{"error": {"status": "RESOURCE_EXHAUSTED"}}]), "rate_limited", ""),
        (says({"message": "Upstream is gone"}), "server_error", "Upstream is gone"),
        (says({"choices": []}), "bad_response", "no choice"),
        (says({"choices": [{"finish_reason": "stop"}]}), "bad_response", "no message"),
        (says({"id": 7}), "bad_response", "not a chat completion"),
        (says("7"), "bad_response", "not a chat completion"),
        (says('data: {"error": {"message": "Busy"}}\n\ndata: [DONE]\n'), "server_error", "Busy"),
    ],
)
def test_what_is_no_answer_is_tried_again(endpoint, fault, kind, words):
    endpoint.control(faults=[{**fault, "times": 2}])
    (completion,), attempts = ask(endpoint.base_url)
    assert completion.outcome == "ok"
    assert [attempt[1] for attempt in attempts] == [kind] * 2
    endpoint.control(faults=[fault])
    (failure,), attempts = ask(endpoint.base_url, patience=0.3)
    if kind != "rate_limited":
        assert isinstance(failure, Failure) and failure.kind == kind
        assert len(attempts) == ATTEMPTS
    assert words in str(failure)


# Answers that are none to use


@pytest.mark.parametrize(
    ("choice", "outcome"),
    [
        ({"finish_reason": "MAX_TOKENS"}, "truncated"),
        ({"finish_reason": "max_output_tokens"}, "truncated"),
        ({"finish_reason": {"type": "length"}, "message": {"content": "{"}}, "truncated"),
        ({"finish_reason": "SAFETY", "message": None}, "refusal"),
        ({"finish_reason": "PROHIBITED_CONTENT", "message": {"content": ""}}, "refusal"),
        ({"finish_reason": "guardrail_intervened"}, "refusal"),
        ({"message": {"content": "", "refusal": "I would rather not."}}, "refusal"),
        ({"message": {"content": " "}}, "empty"),
    ],
)
def test_every_spelling_of_an_end_is_known(endpoint, quick, choice, outcome):
    endpoint.control(faults=[changed(**choice)])
    (completion,), _ = ask(endpoint.base_url)
    assert getattr(completion, "outcome", None) == outcome


# Right answers in odd clothes

AS_STREAM = "".join(
    f"data: {orjson.dumps({'choices': [{'delta': {'content': piece}}]}).decode()}\n\n"
    for piece in ('{"text": "Oh', '.", "emotion": "neutral", "strategies": [], "awareness": {}}')
)
ENDED = 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


@BOTH
@pytest.mark.parametrize(
    "fault",
    [
        changed(finish_reason="STOP"),
        changed(finish_reason="eos_token"),
        changed(finish_reason=None),
        changed(finish_reason=["stop"]),
        changed(finish_reason={"reason": "stop"}),
        changed(finish_reason=7),
        changed(finish_reason="never seen"),
        changed(message={"refusal": {"reason": None}}),
        changed(message={"refusal": False}),
        changed(message={"content": {"$object": 1}}),
        changed(message={"content": [{"text": "$text"}]}),
        changed(message={"content": [{"type": "output_text", "text": "$text"}]}),
        changed(message={"content": ["$text"]}),
        changed(message={"content": None, "reasoning_content": "$text"}),
        changed(message={"content": "", "reasoning": "So it is:\n$text"}),
        changed(message={"content": "<think>Hm.</think>\n$text"}),
        changed(
            message={"content": None, "tool_calls": [{"function": {"arguments": {"$object": 1}}}]}
        ),
        changed(message={"content": None, "function_call": {"arguments": "$text"}}),
        {**LASTING, "change": {"usage": ["7"]}},
        {**LASTING, "change": {"usage": {"prompt_tokens": {"text": 7}, "completion_tokens": -1}}},
        {**LASTING, "change": {"usage": {"prompt_tokens": 2**70, "completion_tokens": 2**63}}},
        {**LASTING, "change": {"usage": {"prompt_tokens": True, "completion_tokens": "many"}}},
        {**LASTING, "change": {"model": {"name": "m"}}},
        {**LASTING, "change": {"model": ["m"], "error": None}},
        says(AS_STREAM + ENDED),
        says("\ufeff" + AS_STREAM + ENDED),
    ],
)
def test_odd_fields_cost_no_answer(endpoint, fault, transport):
    endpoint.control(faults=[fault])
    (completion,), attempts = ask(endpoint.base_url, transport=transport)
    assert attempts == [] and completion.outcome == "ok"
    found = find_object(completion.text, a_request().schema.document)
    assert found is not None and set(found.document) >= {"text", "emotion", "strategies"}
    assert completion.model in ("test-model", None)
    assert completion.finish_reason is None or isinstance(completion.finish_reason, str)
    for count in (completion.prompt_tokens, completion.completion_tokens):
        assert count is None or 0 <= count < 2**31


def test_counts_are_read_as_text_too(endpoint):
    usage = {"prompt_tokens": "700", "completion_tokens": 60.0}
    endpoint.control(faults=[{**LASTING, "change": {"usage": usage}}])
    (completion,), _ = ask(endpoint.base_url)
    assert (completion.prompt_tokens, completion.completion_tokens) == (700, 60)


def test_half_a_character_is_an_answer_that_can_be_kept(endpoint):
    endpoint.control(faults=[changed(message={"content": '{"text": "Oh \ud83d you'})])
    (completion,), attempts = ask(endpoint.base_url)
    assert attempts == [] and completion.outcome == "ok"
    assert completion.text == '{"text": "Oh \ufffd you'


def test_arguments_of_a_tool_may_be_an_object(endpoint):
    arguments = {"message": {"tool_calls": [{"function": {"arguments": {"$object": 1}}}]}}
    endpoint.control(faults=[changed(**arguments)])
    memory = Memory(ChatCapabilities("tool"))
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert "strategies" in orjson.loads(completion.text)


@BOTH
@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_body_without_end_is_not_read_to_it(endpoint, quick, transport, headers):
    endpoint.control(faults=[says({"$blanks": 40_000_000}, headers=headers)])
    (failure,), attempts = ask(endpoint.base_url, transport=transport)
    assert isinstance(failure, Failure) and failure.kind == "bad_response"
    assert failure.detail == "a body of more than 16 MB"
    assert len(attempts) == ATTEMPTS
