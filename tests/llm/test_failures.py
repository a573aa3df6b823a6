from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from builders.llm.failures import KINDS, Failure
from builders.llm.providers.openai_http import classify

# status, what the server says (an error object, or the body as it is), kind
SAID = [
    (429, {"code": "rate_limit_exceeded", "message": "Slow down."}, "rate_limited"),
    (429, {"code": "insufficient_quota", "message": "Pay."}, "quota_exhausted"),
    (429, {"message": "Exceeded your current quota. Please retry in 32.9s."}, "rate_limited"),
    (402, {"message": "Insufficient balance"}, "quota_exhausted"),
    (401, {"code": "invalid_api_key", "message": "Incorrect key."}, "authentication"),
    (403, {"message": "Not in your country."}, "forbidden"),
    (404, {"code": "model_not_found", "message": "No model m."}, "model_not_found"),
    (404, b'{"error": "model \\"m\\" not found, try pulling it first"}', "model_not_found"),
    (400, {"message": "m is not a valid model ID"}, "model_not_found"),
    (404, b'{"detail": "Not Found"}', "wrong_address"),
    (404, b"<html>404</html>", "wrong_address"),
    (307, b"", "wrong_address"),
    (400, {"code": "context_length_exceeded", "message": "Too long."}, "context_length"),
    (400, b'{"object": "error", "message": "maximum context length is 8"}', "context_length"),
    (413, b"", "context_length"),
    (413, {"code": "rate_limit_exceeded", "message": "Request too large."}, "rate_limited"),
    (503, {"status": "RESOURCE_EXHAUSTED", "message": "Later."}, "rate_limited"),
    (500, {"code": 429, "message": "Later."}, "rate_limited"),
    (400, {"message": "Your credit balance is too low."}, "quota_exhausted"),
    (403, {"code": "billing_hard_limit_reached", "message": "No."}, "quota_exhausted"),
    (400, {"message": "API key not valid."}, "authentication"),
    (403, {"message": "M requires moderation. Your input was flagged."}, "content_filter"),
    (400, {"code": "DataInspectionFailed", "message": "No."}, "content_filter"),
    (400, {"message": "ContentPolicy", "type": "ContentPolicyViolationError"}, "content_filter"),
    (400, {"message": "The input (900 tokens) is longer than the model's 512."}, "context_length"),
    (422, b'{"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"}', "context_length"),
    (400, {"message": "'max_tokens' is too large: 400."}, "bad_request"),
    (400, b'{"errors": [{"message": "Nothing known."}]}', "bad_request"),
    (451, b"", "bad_request"),
    (400, {"code": "content_filter", "message": "Filtered."}, "content_filter"),
    (400, {"message": "No."}, "bad_request"),
    (422, b'{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]}', "bad_request"),
    (408, b"", "timeout"),
    (500, b"Internal Server Error", "server_error"),
    (503, {"message": "Busy."}, "server_error"),
    (529, {"message": "Overloaded."}, "server_error"),
]


@pytest.mark.parametrize(("status", "said", "kind"), SAID)
def test_every_answer_with_an_error_status_has_a_kind(status, said, kind):
    content = said if isinstance(said, bytes) else orjson.dumps({"error": said})
    failure = classify(status, {}, content)
    assert failure.kind == kind
    assert failure.status == status
    assert str(status) in failure.detail and "\n" not in failure.detail


def test_the_kinds_that_statuses_give_are_on_the_closed_list():
    # Those without an error status, what a probe finds out, and what several requests show.
    own = {"connection", "bad_response", "takes_no_audio", "takes_no_video", "no_form", "refused"}
    assert {kind for _, _, kind in SAID} == KINDS - own


def test_a_clip_that_a_server_repeats_is_not_kept():
    part = {
        "type": "input_audio",
        "input_audio": {"data": "UklGRiQA" * 500 + "AA==", "format": "wav"},
    }
    failure = classify(422, {}, orjson.dumps({"detail": [{"msg": "Not allowed", "input": part}]}))
    assert "Not allowed" in failure.detail and "input_audio" in failure.detail
    assert "UklGR" not in failure.detail


def test_a_refused_key_is_not_repeated_whatever_the_server_says_of_it():
    said = orjson.dumps({"error": {"message": "Incorrect API key provided: sk-secret."}})
    for status in (400, 401, 403):
        assert "sk-secret" not in f"{classify(status, {}, said)} {classify(status, {}, said)!r}"


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(seconds=9000), usegmt=True), 8000, 9000),
        (format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True), 0, 0),
    ],
    ids=["whole", "half", "negative", "later", "past"],  # dates would be other names each run
)
def test_retry_after_is_read_as_seconds_and_as_a_date(value, least, most):
    failure = classify(429, {"Retry-After": value}, b"")
    assert failure.retry_after is not None and least <= failure.retry_after <= most


def test_an_unreadable_retry_after_is_none():
    assert classify(429, {"Retry-After": "soon"}, b"").retry_after is None
    assert classify(429, {}, b"").retry_after is None


def test_a_failure_shows_its_kind_and_what_was_said():
    failure = Failure("timeout", "no answer in time")
    assert str(failure) == "timeout: no answer in time"
