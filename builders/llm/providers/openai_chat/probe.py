"""Probing: questions of ours whose answers show what an endpoint understands.

They are like the requests that follow: the same schema, the same length, the same limit of an
answer. What an endpoint does with them is about the endpoint, never about a request of a build.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import jsonschema_rs

from builders.llm import prompts
from builders.llm.failures import Failure
from builders.llm.objects import find_object
from builders.llm.providers import Completion
from builders.llm.providers.openai_chat.body import AUDIO, MODES, ChatCapabilities
from builders.llm.request import AudioInput, Message, NarrowedSchema, Request

# Sends a request as an endpoint might understand it.
Send = Callable[[Request, ChatCapabilities], Awaitable[Completion]]

# How servers answer to a form that they do not know.
NOT_UNDERSTOOD = frozenset({"bad_request", "server_error", "bad_response", "wrong_address"})
# What may be about the words or the length of a question: another one is asked.
_ABOUT_WORDS = frozenset({"bad_request", "content_filter", "context_length", "forbidden"})
# Errors of a server that knows the form, or of one that does not; others say that it is down.
_MAYBE_THE_FORM = frozenset({500, 501})
_COMPLAINTS = frozenset({400, 422})
_NOTHING = "nothing"
# How well an answer fits a schema.
_VALID, _NAMED, _BEGUN = 3, 2, 1
_SOUND = {"sound": {"type": "string", "enum": ["beeps", "speech", "music", _NOTHING]}}
_SOUND_TOKENS = 2000
# Characters of the turns that make a question as long as a prompt.
_TURNS = 122


async def find_mode(like: Request, send: Send, hears: bool = False) -> ChatCapabilities:
    """Return the first mode in which an answer fits its schema.

    Some models that hear refuse every request without a clip; with `hears` they are sent one.

    Args:
        like: a request as they will follow.
        send: sends one.
        hears: whether clips will be sent.

    Raises:
        Failure: ``no_form`` where no mode brings an answer that fits; or the endpoint cannot be
            asked just now, and nothing is known of it.
    """
    asked = questions_like(like)
    refused = Failure("no_form", "it was asked nothing")
    for question in asked:
        found = await _first_that_fits(question, ChatCapabilities(), send)
        if isinstance(found, ChatCapabilities):
            return found
        refused = found
        if refused.kind not in _ABOUT_WORDS:
            break
    for audio in AUDIO if hears and refused.kind == "bad_request" else ():
        heard = asked[0].with_audio(_beeps())
        found = await _first_that_fits(heard, ChatCapabilities(audio=audio), send)
        if isinstance(found, ChatCapabilities):
            return replace(found, audio=None)
    raise _of_endpoint(refused, like)


async def send_without(
    request: Request, understood: ChatCapabilities, send: Send
) -> tuple[ChatCapabilities, Completion]:
    """Send a request, and again without each field that the endpoint refuses by name.

    Returns:
        What is understood, and the answer.
    """
    while True:
        try:
            return understood, await send(request, understood)
        except Failure as failure:
            if failure.kind != "bad_request" or failure.status not in _COMPLAINTS:
                raise
            changed = understood.adapted(failure.detail, failure.param)
            if changed is None:
                raise
            understood = changed


async def _first_that_fits(
    asked: Request, start: ChatCapabilities, send: Send
) -> ChatCapabilities | Failure:
    """Return the first mode whose answer is valid, else the one whose answer fits best.

    Raises Failure where the endpoint is down.
    """
    best: ChatCapabilities | None = None
    fits_best = 0
    broke: ChatCapabilities | None = None
    refused: Failure | None = None
    misfit: Failure | None = None
    understood = start
    for mode in MODES:
        understood = replace(understood, mode=mode)
        try:
            understood, answered = await send_without(asked, understood, send)
        except Failure as failure:
            if _is_down(failure):
                raise
            if failure.kind in _ABOUT_WORDS and failure.kind != "bad_request":
                return failure
            refused = failure
            broke = broke or (understood if failure.status in _MAYBE_THE_FORM else None)
            continue
        fit = _fit(asked, answered)
        if fit == _VALID:
            return await _confirmed(asked, broke, understood, send)
        if fit > fits_best:
            best, fits_best = understood, fit
        misfit = _misfit(answered)
    if best:
        return await _confirmed(asked, broke, best, send)
    return misfit or refused or Failure("no_form", "it was asked nothing")


async def _confirmed(
    asked: Request, broke: ChatCapabilities | None, found: ChatCapabilities, send: Send
) -> ChatCapabilities:
    """Return a stricter mode that broke before, if it did so by chance; else the one found."""
    if broke is None:
        return found
    stricter = replace(found, mode=broke.mode)
    try:
        return stricter if _fit(asked, await send(asked, stricter)) else found
    except Failure:
        return found


def _is_down(failure: Failure) -> bool:
    """Return whether a failure says nothing of the form: the server is down, busy or refuses us."""
    if failure.kind == "server_error":
        return failure.status not in _MAYBE_THE_FORM
    return failure.kind not in NOT_UNDERSTOOD | _ABOUT_WORDS


def _fit(asked: Request, answered: Completion) -> int:
    """Return how well an answer fits: _VALID, _NAMED, _BEGUN or 0.

    An answer with some of the names can be corrected, and shows that it is an answer at all.
    """
    schema = asked.schema.document
    found = find_object(answered.text, schema) if answered.outcome == "ok" else None
    if found is None:
        return 0
    if _checker(asked.schema).is_valid(found.document):
        return _VALID
    missing = set(schema.get("required", ())) - found.document.keys()
    some = found.document.keys() & schema.get("properties", {}).keys()
    return _NAMED if not missing else _BEGUN if some else 0


@cache
def _checker(schema: NarrowedSchema) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema.document)


def _misfit(answered: Completion) -> Failure:
    if answered.outcome == "ok":
        said = repr(" ".join(answered.text.split())[:80])
        return Failure("no_form", f"it answered {said}")
    how = {"truncated": "its answer is cut off", "refusal": "it refuses to answer"}
    return Failure("no_form", how.get(answered.outcome, f"its answer is {answered.outcome}"))


def _of_endpoint(failure: Failure, like: Request) -> Failure:
    """Return a failure of all questions as what it is about: the endpoint."""
    if failure.kind == "bad_response" and (failure.do or "not a chat" in failure.detail):
        return Failure("wrong_address", failure.detail, failure.status, do=failure.do)
    if failure.kind in ("wrong_address", "forbidden", "server_error"):
        return failure
    if failure.kind == "bad_response":
        return Failure("no_form", failure.detail, do="see what answers at this address")
    detail, do = failure.detail, None if failure.status else "use another model"
    if "cut off" in detail:
        detail = f"{detail} at {like.max_tokens} tokens"
        do = "raise --reply-tokens, as a model that thinks first needs thousands, or turn that off"
    elif failure.kind == "context_length":
        do = "serve it with a longer context, or lower --reply-tokens or --context-turns"
    return Failure("no_form", detail, failure.status, do=do)


async def find_audio(model: str, understood: ChatCapabilities, send: Send) -> ChatCapabilities:
    """Return how a clip is sent so that the model hears it.

    A server may take a clip and leave it out, so the model must say that it hears one.

    Raises:
        Failure: ``takes_no_audio``, or the endpoint cannot be asked.
    """
    text = "Which sound is in the clip of this message? If no clip has reached you, say nothing."
    asked = _question(model, text, _SOUND)
    why = Failure("takes_no_audio", "the clip does not reach the model")
    for audio in AUDIO:
        tried = replace(understood, audio=audio)
        try:
            tried, answered = await send_without(asked.with_audio(_beeps()), tried, send)
        except Failure as failure:
            if failure.kind not in NOT_UNDERSTOOD:
                raise
            why = Failure("takes_no_audio", failure.detail, failure.status)
        else:
            if _fit(asked, answered) == _VALID and _NOTHING not in answered.text:
                return tried
    if why.status is not None and why.status >= 500:
        await send(asked, understood)  # a server that is broken just now fails this as well
    raise why


def questions_like(like: Request) -> Sequence[Request]:
    """Return questions like a request: one as long, and a short one in other words."""
    system = [message for message in like.messages if message["role"] == "system"]
    said = sum(len(str(message["content"])) for message in like.messages if message not in system)
    template = prompts.load("dialect/probe.j2")
    texts = [
        template.render(turns=-(-said // _TURNS), other=False)[-max(said, _TURNS) :],
        template.render(turns=0, other=True),
    ]
    return [
        replace(
            like,
            messages=(*system, {"role": "user", "content": text}),
            audio_sha256=None,
            audio=None,
            video=None,
            seed=0,
            record_id="probe",
            attempt=0,
        )
        for text in texts
    ]


def _question(model: str, text: str, properties: Mapping[str, object]) -> Request:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": [*properties],
        "properties": properties,
    }
    asked: Message = {"role": "user", "content": text}
    return Request(
        model, (asked,), NarrowedSchema(schema), None, 0.0, 1.0, _SOUND_TOKENS, 0, "probe", 0
    )


def _beeps() -> AudioInput:
    """Return a second of sound; what makes it is imported only for servers that are to hear."""
    from builders.llm.providers.openai_chat.beeps import beeps

    return beeps()
