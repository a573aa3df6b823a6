import orjson
import pytest
from asking import BOTH, Memory, a_request, ask, error_of
from audio.voices import spoken

from builders.audio.decode import as_flac, pcm_digest
from builders.errors import EndpointError, HeartenError
from builders.llm.providers.openai_chat.body import AUDIO, MODES, ChatCapabilities
from builders.llm.request import AudioInput


@pytest.mark.parametrize("expected", MODES)
def test_the_first_dialect_that_is_understood_is_used_and_remembered(endpoint, expected):
    endpoint.control(dialects=[expected], keep_bodies=True)
    memory = Memory()
    requests = [a_request(f"Day {number}.") for number in range(5)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert all("strategies" in orjson.loads(completion.text) for completion in completions)
    probes = MODES.index(expected) + 1
    assert endpoint.log()["count"] == probes + 5 and attempts == []
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities(expected)
    ask(endpoint.base_url, requests=requests, memory=memory)
    assert endpoint.log()["count"] == probes + 10, "what is remembered is not asked again"


def test_a_server_that_answers_500_to_json_schema_is_asked_for_json_objects(endpoint):
    endpoint.control(dialects=["json_object", "prompt"], dialect_status=500)
    memory = Memory()
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert completion.outcome == "ok"
    assert ChatCapabilities.loads(memory.known).mode == "json_object"


@pytest.mark.parametrize("kind", ["invalid_text", "always_invalid", "truncated", "invalid_json"])
def test_a_mode_that_is_taken_but_brings_nothing_that_fits_gives_way_to_the_next(endpoint, kind):
    endpoint.control(faults=[{"kind": kind, "match": '"json_schema"'}])
    memory = Memory()
    requests = [a_request(f"Day {number}.") for number in range(5)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert all("strategies" in orjson.loads(completion.text) for completion in completions)
    assert ChatCapabilities.loads(memory.known).mode == "json_object" and attempts == []
    assert endpoint.log()["count"] == 2 + len(requests)


def test_an_endpoint_that_understands_no_form_is_asked_nothing(endpoint):
    endpoint.control(dialects=[])
    memory = Memory()
    requests = [a_request(f"Day {number}.") for number in range(4)]
    outcomes, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert {type(outcome) for outcome in outcomes} == {EndpointError}
    assert str(outcomes[0]) == (
        "test-model gives no answer that fits, in whatever structured-output mode it is asked (it "
        f"answered 'Blue, if I may choose.') in {endpoint.base_url}; use another model"
    )
    assert memory.known is None and attempts == []
    assert endpoint.log()["count"] == len(MODES)


def test_answers_that_are_cut_off_in_every_form_name_the_option(endpoint):
    endpoint.control(faults=[{"kind": "truncated"}])
    error = error_of(endpoint.base_url, memory=Memory())
    assert isinstance(error, EndpointError)
    assert "its answer is cut off at 400 tokens" in str(error)
    assert "raise --reply-tokens, as a model that thinks first needs thousands" in str(error)


def test_the_probe_is_as_the_requests_that_follow(endpoint):
    long = a_request("It rained. " * 300)
    ask(endpoint.base_url, requests=[long], memory=Memory())
    probe, asked = endpoint.log()["bodies"]
    assert {**probe, "messages": 0, "seed": 0} == {**asked, "messages": 0, "seed": 0}
    assert probe["messages"][0] == asked["messages"][0], "the system's part"
    ours, theirs = (len(str(body["messages"])) for body in (probe, asked))
    assert abs(ours - theirs) < 0.1 * theirs and "It rained" not in str(probe)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", ["unavailable_503", "drop", "rate_limit"])
def test_of_a_server_that_is_down_nothing_is_remembered(endpoint, fault):
    endpoint.control(faults=[{"kind": fault, "times": 2}])
    memory = Memory()
    (completion,), attempts = ask(endpoint.base_url, memory=memory)
    assert completion.outcome == "ok" and attempts == [], "no request of the build met it"
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities("json_schema")


@pytest.mark.usefixtures("quick")
def test_an_error_in_a_200_at_first_contact_is_waited_for(endpoint):
    said = {"error": {"message": "Provider returned error", "code": 502}}
    endpoint.control(faults=[{"kind": "says", "body": said, "times": 8}])
    requests = [a_request(f"Day {number}.") for number in range(4)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=Memory())
    assert [completion.outcome for completion in completions] == ["ok"] * 4
    assert attempts == [] and endpoint.log()["count"] == 8 + 1 + 4


def test_one_500_at_first_contact_makes_no_mode_unknown(endpoint):
    endpoint.control(faults=[{"kind": "error_500", "times": 1}])
    memory = Memory()
    ask(endpoint.base_url, memory=memory)
    assert ChatCapabilities.loads(memory.known).mode == "json_schema"


FILTERED = {"kind": "content_filter", "match": "tomatoes"}


@pytest.mark.parametrize("fault", [FILTERED, {**FILTERED, "kind": "bad_request"}])
def test_a_probe_that_a_filter_stops_is_asked_in_other_words(endpoint, fault):
    endpoint.control(faults=[fault])
    (completion,), _ = ask(endpoint.base_url, memory=Memory())
    assert completion.outcome == "ok"


# What drafts are refused for

NO_SCHEMA = {
    "kind": "says",
    "status": 400,
    "body": {"error": {"message": "Too many states for this grammar."}},
}


def test_a_mode_that_fails_in_drafts_gives_way_to_the_next(endpoint):
    memory = Memory()
    ask(endpoint.base_url, memory=memory)
    assert ChatCapabilities.loads(memory.known).mode == "json_schema"
    endpoint.control(faults=[{**NO_SCHEMA, "match": '"json_schema"'}], keep_bodies=True)
    requests = [a_request(f"Day {number}.") for number in range(9)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 9
    assert ChatCapabilities.loads(memory.known).mode == "json_object" and attempts == []


def test_one_request_that_its_mode_refuses_is_asked_in_the_next(endpoint):
    only = a_request("json_schema Day 3.")
    endpoint.control(faults=[{**NO_SCHEMA, "match": '"json_schema","json'}])
    endpoint.control(faults=[{**NO_SCHEMA, "match": "json_schema Day 3.", "times": 2}])
    memory = Memory()
    requests = [only, *(a_request(f"Day {number}.") for number in range(5))]
    completions, _ = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 6
    assert ChatCapabilities.loads(memory.known).mode == "json_schema", "it is good for the others"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("temperature", "`temperature` is deprecated for this model."),
        ("temperature", "invalid temperature: only 1 is allowed"),
        ("seed", "parameter 'seed' is invalid"),
        ("top_p", "we do not do top_p here"),
        ("max_tokens", "Do not send max_tokens."),
        ("seed", '[{"loc": ["body", "seed"], "msg": "Extra inputs"}]'),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("known", [None, ChatCapabilities("json_schema")])
def test_a_field_is_refused_in_whatever_words(endpoint, field, words, status, known):
    said = {"kind": "says", "status": status, "body": {"error": {"message": words}}}
    endpoint.control(faults=[{**said, "match": f'"{field}":'}], keep_bodies=True)
    memory = Memory(known)
    requests = [a_request(f"Day {number}.") for number in range(4)]
    completions, attempts = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 4 and attempts == []
    assert field not in endpoint.log()["bodies"][-1]
    others = {"temperature", "top_p", "seed"} - {field}
    assert others <= endpoint.log()["bodies"][-1].keys()


def test_what_is_to_be_left_out_is_never_sent(endpoint):
    memory = Memory()
    ask(endpoint.base_url, memory=memory, leave_out=("temperature", "seed"))
    bodies = endpoint.log()["bodies"]
    assert not [body for body in bodies if {"temperature", "seed"} & body.keys()]
    assert all("top_p" in body for body in bodies)
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities(), "nothing was refused"


@pytest.mark.parametrize("status", [400, 500])
def test_what_was_remembered_of_another_server_is_learnt_anew_once(endpoint, status):
    endpoint.control(dialects=["json_object"], dialect_status=status)
    memory = Memory(ChatCapabilities("json_schema"))
    requests = [a_request(f"Day {number}.") for number in range(6)]
    completions, _ = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 6
    assert ChatCapabilities.loads(memory.known).mode == "json_object"


def test_a_server_that_fails_for_a_while_keeps_what_is_remembered_of_it(endpoint, quick):
    endpoint.control(faults=[{"kind": "error_500", "times": 6}])
    memory = Memory(ChatCapabilities("json_schema"))
    (completion,), _ = ask(endpoint.base_url, memory=memory)
    assert completion.outcome == "ok"
    assert ChatCapabilities.loads(memory.known).mode == "json_schema"


def test_a_request_that_is_refused_for_itself_has_the_endpoint_probed_once_at_most(endpoint):
    endpoint.control(faults=[{"kind": "bad_request", "match": "Day"}])
    requests = [a_request(f"Day {number}.") for number in range(4)]
    failures, _ = ask(endpoint.base_url, requests=requests)
    assert [failure.kind for failure in failures] == ["bad_request"] * 4
    ours = [body for body in endpoint.log()["bodies"] if "Day" not in str(body)]
    assert len(ours) == 2, "a probe, and a question whether it answers anything"


@pytest.mark.parametrize("known", [None, ChatCapabilities("json_schema")])
def test_refused_fields_are_renamed_or_left_out_and_remembered(endpoint, known):
    endpoint.control(refused=["max_tokens", "temperature", "seed"], keep_bodies=True)
    memory = Memory(known)
    requests = [a_request(f"Day {number}.") for number in range(4)]
    completions, _ = ask(endpoint.base_url, requests=requests, memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 4
    last = endpoint.log()["bodies"][-1]
    assert last["max_completion_tokens"] == 400 and last["top_p"] == 1.0
    assert not {"max_tokens", "temperature", "seed"} & last.keys()
    learnt = ChatCapabilities.loads(memory.known)
    assert (learnt.mode, learnt.limit) == ("json_schema", "max_completion_tokens")
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


# Clips

PCM = spoken(150.0, 0.5)
SOUND = AudioInput(as_flac(PCM), pcm_digest(PCM), 0.5)


def heard(count=1):
    return [a_request(f"Day {number}.").with_audio(SOUND) for number in range(count)]


@BOTH
@pytest.mark.parametrize("expected", AUDIO)
def test_the_first_way_in_which_a_clip_reaches_the_model_is_used_and_remembered(
    endpoint, expected, transport
):
    endpoint.control(audio=[expected])
    memory = Memory()
    completions, attempts = ask(
        endpoint.base_url, requests=heard(5), memory=memory, transport=transport
    )
    assert [completion.outcome for completion in completions] == ["ok"] * 5 and attempts == []
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities(audio=expected)
    log = endpoint.log()
    assert log["count"] == 1 + AUDIO.index(expected) + 1 + 5
    assert log["clips"].count(SOUND.sha256_pcm) == 5
    ask(endpoint.base_url, requests=heard(5), memory=memory, transport=transport)
    assert endpoint.log()["count"] == log["count"] + 5, "what is remembered is not asked again"


@pytest.mark.parametrize("dialect", ["json_schema", "json_object", "prompt"])
@pytest.mark.parametrize("audio", AUDIO)
def test_a_model_that_takes_no_request_without_a_clip_is_probed_with_one(endpoint, audio, dialect):
    endpoint.control(needs_audio=True, audio=[audio], dialects=[dialect])
    memory = Memory()
    completions, _ = ask(endpoint.base_url, requests=heard(3), memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 3
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities(dialect, audio=audio)
    (error,), _ = ask(endpoint.base_url, requests=[a_request()], memory=Memory())
    assert isinstance(error, EndpointError)
    assert "(HTTP 400: This model takes no request without audio.)" in str(error)


def test_both_ways_to_send_a_request_send_the_same_clip(endpoint):
    bodies = []
    for transport in BOTH.args[1]:
        endpoint.control(keep_bodies=True)
        ask(endpoint.base_url, requests=heard(), transport=transport)
        bodies.append(endpoint.log()["bodies"])
    assert bodies[0] == bodies[1] and len(bodies[0]) == 2


def test_nobody_who_hears_nothing_is_asked_about_clips(endpoint):
    ask(endpoint.base_url, requests=[a_request()], memory=Memory())
    assert endpoint.log()["clips"] == []


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"audio": []}, "HTTP 400: Unsupported content part"),
        ({"audio": [], "audio_status": 500}, "HTTP 500: Unsupported content part"),
        ({"deaf": True}, "the clip does not reach the model"),
    ],
)
def test_a_model_that_takes_no_audio_is_one_line_that_says_so(endpoint, knobs, why):
    endpoint.control(**knobs)
    (error, *others), attempts = ask(endpoint.base_url, requests=heard(3), memory=Memory())
    assert isinstance(error, EndpointError) and error.exit_code == 1
    line = str(error)
    assert line.startswith(f"the model test-model takes no audio ({why}")
    assert endpoint.base_url in line
    assert "serve one that hears, or build without --hear and --caption-model" in line
    assert all(isinstance(other, EndpointError) for other in others)
    asked_without = knobs.get("audio_status") == 500
    assert endpoint.log()["count"] == 1 + len(AUDIO) + asked_without, "whoever waited did not ask"
    assert not [body for body in endpoint.log()["bodies"] if "Day" in str(body)]
    assert "UklGR" not in str(attempts) + line


def test_a_server_that_is_broken_for_a_while_is_not_said_to_take_no_audio(endpoint, quick):
    endpoint.control(faults=[{"kind": "error_500", "times": 3}])  # all that a probe asks
    memory = Memory(ChatCapabilities("json_schema"))
    (completion,), _ = ask(endpoint.base_url, requests=heard(), memory=memory)
    assert completion.outcome == "ok"
    assert ChatCapabilities.loads(memory.known).audio == "input_audio"


def test_a_server_that_takes_clips_no_longer_as_remembered_is_asked_anew(endpoint):
    endpoint.control(audio=["audio_url"])
    memory = Memory(ChatCapabilities("json_schema", audio="input_audio"))
    completions, _ = ask(endpoint.base_url, requests=heard(4), memory=memory)
    assert [completion.outcome for completion in completions] == ["ok"] * 4
    assert ChatCapabilities.loads(memory.known) == ChatCapabilities(audio="audio_url")
