import orjson
import pytest
from asking import Memory, a_request, ask, error_of

from builders.drafting.dialects import DIALECTS, Understanding
from builders.errors import EndpointError, HeartenError


@pytest.mark.parametrize("expected", DIALECTS)
def test_the_first_dialect_that_is_understood_is_used_and_remembered(endpoint, expected):
    endpoint.control(dialects=[expected], keep_bodies=True)
    memory = Memory()
    requests = [a_request(f"Day {number}.") for number in range(5)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert all("strategies" in orjson.loads(completion.text) for completion in completions)
    probes = DIALECTS.index(expected) + 1
    assert endpoint.log()["count"] == probes + 5 and attempts == []
    assert Understanding.loads(memory.known) == Understanding(expected)
    ask(endpoint.base_url, requests=requests, memory=memory)
    assert endpoint.log()["count"] == probes + 10, "what is remembered is not asked again"


def test_a_server_that_answers_500_to_json_schema_is_asked_for_json_objects(endpoint):
    endpoint.control(dialects=["json_object", "prompt"], dialect_status=500)
    memory = Memory()
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert completion.outcome == "ok"
    assert Understanding.loads(memory.known).dialect == "json_object"


def test_an_endpoint_that_understands_no_form_is_asked_in_the_prompt_alone(endpoint):
    endpoint.control(dialects=[])
    memory = Memory()
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert completion.text == "Blue, if I may choose."
    assert Understanding.loads(memory.known).dialect == "prompt"


@pytest.mark.parametrize("status", [400, 500])
def test_what_was_remembered_of_another_server_is_learnt_anew_once(endpoint, status):
    endpoint.control(dialects=["json_object"], dialect_status=status)
    memory = Memory(Understanding("json_schema"))
    requests = [a_request(f"Day {number}.") for number in range(6)]
    completions, _ = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 6
    assert Understanding.loads(memory.known).dialect == "json_object"


def test_a_server_that_fails_for_a_while_keeps_what_is_remembered_of_it(endpoint, quick):
    endpoint.control(faults=[{"kind": "error_500", "times": 6}])
    memory = Memory(Understanding("json_schema"))
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert completion.outcome == "ok"
    assert Understanding.loads(memory.known).dialect == "json_schema"


def test_a_request_that_is_refused_for_itself_has_the_endpoint_probed_once_at_most(endpoint):
    endpoint.control(faults=[{"kind": "bad_request", "match": "Day"}])
    requests = [a_request(f"Day {number}.") for number in range(4)]
    failures, _ = ask(endpoint.base_url, requests=requests)
    assert [failure.kind for failure in failures] == ["bad_request"] * 4
    assert endpoint.log()["count"] == 4 + 1


@pytest.mark.parametrize("known", [None, Understanding("json_schema")])
def test_refused_fields_are_renamed_or_left_out_and_remembered(endpoint, known):
    endpoint.control(refused=["max_tokens", "temperature", "seed"], keep_bodies=True)
    memory = Memory(known)
    requests = [a_request(f"Day {number}.") for number in range(4)]
    completions, _ = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 4
    last = endpoint.log()["bodies"][-1]
    assert last["max_completion_tokens"] == 400 and last["top_p"] == 1.0
    assert not {"max_tokens", "temperature", "seed"} & last.keys()
    learnt = Understanding.loads(memory.known)
    assert (learnt.dialect, learnt.limit) == ("json_schema", "max_completion_tokens")
    assert set(learnt.without) == {"temperature", "seed"}


def test_a_failed_probe_is_the_answer_to_all_who_waited_for_it(endpoint):
    endpoint.control(api_key="another", latency=0.1)
    requests = [a_request(f"Day {number}.") for number in range(8)]
    failures, _ = ask(endpoint.base_url, requests=requests, memory=Memory())
    assert all(isinstance(failure, EndpointError) for failure in failures)
    assert endpoint.log()["count"] == 1


def test_a_wrong_key_ends_the_probing_at_once(endpoint):
    endpoint.control(api_key="another")
    assert isinstance(error_of(endpoint.base_url, memory=Memory()), HeartenError)
    assert endpoint.log()["count"] == 1
