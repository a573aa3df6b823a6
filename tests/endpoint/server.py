"""A real OpenAI-compatible HTTP server for tests and benches, with faults on demand.

    python tests/endpoint/server.py [--port 0] [--latency 0.1] [--slots 64] [--dialects LIST] …

It prints the port it listens on as its first line, then answers

    POST /v1/chat/completions   valid JSON for the schema of the request (see answers.py)
    GET  /v1/models
    POST /control               set knobs; the JSON object's fields are those of `Knobs`. Unless it
                                says {"keep_log": true} the log starts anew
    GET  /control               the log: see `Log.shown`

Knobs and faults. `dialects` are those of json_schema, json_object, tool, prompt that the server
understands; json_schema is otherwise answered with `dialect_status` (llama.cpp: 500), the others
are ignored, as real servers do. `refused` names body fields answered with 400, such as max_tokens.
`audio` are those of input_audio and audio_url that the server takes; it answers the other kind, and
what is not 16 kHz mono WAV of 16 bits, with `audio_status` and, as some servers do, with the part
in the message. `video` says how the sound of a `video_url` reaches the model: "always", "asked" (by
`mm_processor_kwargs`) or "never"; an empty one takes no video, and with `blind` it is left out.
With `deaf` it takes clips and leaves them out, with `needs_audio` it takes no
request without one. The log's `clips` are the digests of their PCM; `captions` are answers about
clips, by such a digest.
`faults` is a list of objects, of which the first that applies is taken:

    {"kind": K, "at": [1, 3]}                     the n-th chat request since the log began
    {"kind": K, "every": 10}
    {"kind": K, "probability": 0.1, "seed": 7}
    {"kind": K, "match": "some text"}             requests whose body contains it
    further fields: "times": at most so often; "retry_after": seconds, for rate_limit;
    "after": only once so many others were answered;
    "status", "body", "headers" of says: the body is an object or a text, sent as it is
    (compressed where the headers say gzip); {"$blanks": N} is one of so many blanks;
    "change" of changed: a right completion with this merged into it (RFC 7386, lists by place);
    in its texts $text stands for the right answer, and the object {"$object": 1} for it as JSON

with K one of the names in `FAULTS`.

With `reads` the model tells what the lines tell that readers qualify by (prompts/qualification),
whatever the rules say; without, it guesses or follows the rules. One that hears tells which of two
sounds is higher and faster, unless a rule says otherwise.

A drafter `obeys` one part of the prompt, and a judge `knows_voices`: see obeying.py.
`judges` is one of the judges of judging.py, which scores replies; `knows` is what it knows.

`rules` say what is answered: {"match": a regular expression over the model's name and the text of
all messages, "answer": an object, "share": of the requests that match, by their hash}. The first
that applies is taken, if the schema knows the answer's names; $1 in its texts is what the first
group of the expression found. So the server can play a voter who is right three times in four, a
judge who always takes what comes first, or a model that copies what it was shown.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from endpoint.answers import answer
from endpoint.clips import (
    AUDIO,
    TOKENS_PER_SECOND,
    Clip,
    NotTaken,
    clips_in,
    parts_of,
    text_of,
    without_clips,
)
from endpoint.judging import judged
from endpoint.obeying import matched, obedient
from endpoint.telling import compared, told_by_words
from endpoint.videos import Video, video_of

DIALECTS = ("json_schema", "json_object", "tool", "prompt")

FAULTS = {
    "rate_limit": (429, "rate_limit_exceeded", "Rate limit reached for this model."),
    "quota": (429, "insufficient_quota", "You have no credit left; check your billing details."),
    "error_500": (500, "server_error", "Something broke in here."),
    "unavailable_503": (503, "overloaded", "All workers are busy."),
    "overloaded_529": (529, "overloaded_error", "The model is overloaded."),
    "forbidden": (403, "forbidden", "This key may not use this model."),
    "content_filter": (400, "content_filter", "The prompt was stopped by the content filter."),
    "context_length": (400, "context_length_exceeded", "The maximum context length is 128 tokens."),
    "bad_request": (400, "invalid_value", "This request makes no sense."),
    "redirect": (307, "moved", "Look elsewhere."),
    "drop": "closes the connection without an answer",
    "hang": "never answers",
    "html": "a web page with status 200",
    "invalid_json": "a body that is no JSON, with status 200",
    "truncated": "half an answer, finish_reason length",
    "refusal": "message.refusal instead of content",
    "filtered": "finish_reason content_filter",
    "empty": "blank content",
    "invalid_text": "an answer that is no JSON",
    "invalid_answer": "JSON that breaks the schema, until the request carries a correction",
    "always_invalid": "JSON that breaks the schema, whatever the request carries",
    "says": "status, body and headers as the fault has them",
    "changed": "a right completion, in which the fault changes something",
}


@dataclass
class Knobs:
    """What can be set by a flag or through POST /control."""

    latency: float = 0.0
    slots: int = 64
    dialects: list[str] = field(default_factory=lambda: list(DIALECTS))
    dialect_status: int = 400
    api_key: str = ""
    models: list[str] = field(default_factory=lambda: ["test-model"])
    any_model: bool = False
    refused: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    keep_bodies: bool = False
    audio: list[str] = field(default_factory=lambda: list(AUDIO))
    audio_status: int = 400
    deaf: bool = False
    video: str = "always"
    blind: bool = False
    needs_audio: bool = False
    captions: dict[str, Any] = field(default_factory=dict)
    reads: bool = False
    judges: str = ""
    knows: list[list[str]] = field(default_factory=list)
    moderation: dict[str, str] = field(default_factory=dict)
    moderation_status: int = 200
    obeys: str = ""
    knows_voices: bool = False


@dataclass
class Log:
    """What has been asked since the log began. Times are `time.time()` seconds."""

    count: int = 0
    answered: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    first: float | None = None
    last: float | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)
    used: Counter[int] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    clips: list[str] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    moderated: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Return the log as JSON: `requests` counts bodies by the SHA-256 of their sorted JSON,
        `faults` says which request (n counts from 1) met which fault."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "used"}
        return shown | {"statuses": {str(s): n for s, n in self.statuses.items()}}


class Server:
    """The endpoint: knobs, a log, and a handler for each route."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.log = Log()
        self.slots = asyncio.Semaphore(knobs.slots)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Route one request; a plain function of the path is faster than a router."""
        path = request.path
        if path == "/v1/chat/completions" and request.method == "POST":
            return await self.chat(request)
        if path == "/v1/models":
            return self.refused_key(request) or _json(
                {
                    "object": "list",
                    "data": [{"id": m, "object": "model"} for m in self.knobs.models],
                }
            )
        if path.endswith("/moderations"):
            return await self.moderation(request)
        if path == "/control":
            return await self.control(request)
        return _error(404, "not_found", f"There is no route {path}.")

    async def control(self, request: web.BaseRequest) -> web.Response:
        """Show the log, or set knobs and begin a new log."""
        if request.method == "POST":
            wanted = json.loads(await request.read() or b"{}")
            keep = wanted.pop("keep_log", False)
            self.knobs = Knobs(**{**vars(self.knobs), **wanted})
            self.slots = asyncio.Semaphore(self.knobs.slots)
            if not keep:
                self.log = Log()
        return _json(self.log.shown())

    async def moderation(self, request: web.BaseRequest) -> web.Response:
        """Say into which categories a text falls, or fail with the status that was set."""
        raw = await request.read()
        self.log.moderated.append(orjson.loads(raw)["input"])
        if self.knobs.moderation_status != 200:
            return _error(self.knobs.moderation_status, "server_error", "The endpoint is down.")
        found = {
            name: word in self.log.moderated[-1] for word, name in self.knobs.moderation.items()
        }
        result = {"flagged": any(found.values()), "categories": {"violence": False, **found}}
        return _json({"id": "m", "model": "m", "results": [result]})

    async def chat(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one chat completion, or fail as the fault plan says."""
        raw = await request.read()
        log = self.log
        self._count(log, request, raw)
        try:
            async with self.slots:
                response = await self._answer(request, raw, log.count)
        finally:
            log.in_flight -= 1
            log.last = time.time()
        log.statuses[response.status] += 1
        log.answered += response.status == 200
        return response

    def _count(self, log: Log, request: web.BaseRequest, raw: bytes) -> None:
        log.count += 1
        log.in_flight += 1
        log.max_in_flight = max(log.max_in_flight, log.in_flight)
        log.first = log.first or time.time()
        log.requests[_digest(raw)] += 1
        if self.knobs.keep_bodies:
            log.bodies.append(orjson.loads(raw))
            log.headers.append({k.lower(): v for k, v in request.headers.items()})

    async def _answer(
        self, request: web.BaseRequest, raw: bytes, number: int
    ) -> web.StreamResponse:
        fault = self._fault(raw, number)
        kind = fault["kind"] if fault else ""
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "drop":
            assert request.transport is not None
            request.transport.abort()
        if self.knobs.latency:
            await asyncio.sleep(self.knobs.latency)
        while fault and self.log.answered < fault.get("after", 0):
            await asyncio.sleep(0.005)
        refused = self.refused_key(request) or _said(fault) or _error_of(fault)
        if refused:
            return refused
        body = orjson.loads(raw)
        try:
            clips = clips_in(body, self.knobs.audio)
        except NotTaken as error:
            return _error(self.knobs.audio_status, "invalid_request_error", str(error))
        try:
            self.log.videos += [video._asdict() for video in self._videos(body)]
        except (ValueError, KeyError, IndexError) as error:
            return _error(self.knobs.audio_status, "invalid_request_error", f"No video: {error}")
        if self.knobs.needs_audio and not clips:
            return _error(400, "invalid_value", "This model takes no request without audio.")
        self.log.clips += [clip.digest for clip in clips]
        heard = [] if self.knobs.deaf else clips
        change = fault["change"] if kind == "changed" else None
        return self._refused(body) or self._complete(body, heard, kind, change)

    def _videos(self, body: dict[str, Any]) -> list[Video]:
        parts = [part for message in body["messages"] for part in parts_of(message)]
        shown = [part for part in parts if part["type"] == "video_url"]
        if shown and not self.knobs.video:
            raise ValueError("this model takes no video_url")
        return [video_of(part) for part in shown]

    def _senses(self, body: dict[str, Any], heard: list[Clip]) -> tuple[bool, str]:
        """Return whether the model hears anything, and which colour it sees."""
        videos, knobs = self._videos(body), self.knobs
        asked = (body.get("mm_processor_kwargs") or {}).get("use_audio_in_video", False)
        reaches = knobs.video == "always" or (knobs.video == "asked" and asked)
        in_video = reaches and not knobs.deaf and any(video.sound > 0 for video in videos)
        colour = "nothing" if knobs.blind or not videos else videos[0].colour
        return bool(heard) or in_video, colour

    def refused_key(self, request: web.BaseRequest) -> web.Response | None:
        """Return the 401 for a wrong key, with the key in it, as real servers do."""
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.knobs.api_key and key != self.knobs.api_key:
            return _error(401, "invalid_api_key", f"Incorrect API key provided: {key}.")
        return None

    def _fault(self, raw: bytes, number: int) -> dict[str, Any] | None:
        for index, fault in enumerate(self.knobs.faults):
            if self.log.used[index] < fault.get("times", sys.maxsize) and _applies(
                fault, raw, number, self.log.requests
            ):
                self.log.used[index] += 1
                self.log.faults.append({"n": number, "kind": fault["kind"]})
                return fault
        return None

    def _refused(self, body: dict[str, Any]) -> web.Response | None:
        knobs = self.knobs
        if body.get("model") not in knobs.models and not knobs.any_model:
            name = body.get("model")
            return _error(404, "model_not_found", f"The model '{name}' does not exist.")
        for name in knobs.refused:
            if name in body:
                text = f"Unsupported parameter: '{name}' is not supported with this model."
                return _error(400, "unsupported_parameter", text, name)
        if _asked_format(body) == "json_schema" and "json_schema" not in knobs.dialects:
            text = "Input should be 'text' or 'json_object': response_format.type"
            return _error(knobs.dialect_status, "invalid_request_error", text)
        return None

    def _complete(
        self, body: dict[str, Any], heard: list[Clip], kind: str, change: Any
    ) -> web.Response:
        if kind == "html":
            return web.Response(text="<html><body>Sign in</body></html>", content_type="text/html")
        if kind == "invalid_json":
            return web.Response(body=b'{"choices": [{"mess', content_type="application/json")
        schema = self._schema(body)
        said = next((c for h in heard if (c := self.knobs.captions.get(h.digest))), None)
        ruled = None if kind else _ruled(self.knobs.rules, schema or {}, body)
        if self.knobs.reads and not kind:
            ruled = told_by_words(schema or {}, body) or ruled
        if not kind:
            ruled = self._played(schema or {}, body) or ruled
        scored = judged(self.knobs.judges, schema or {}, body, self.knobs.knows)
        if schema is None:
            text = "Blue, if I may choose."
        elif scored is not None and not kind:
            text = scored
        elif ruled:
            text = orjson.dumps(ruled).decode()
        elif heard and not kind and schema["properties"].keys() == {"higher", "faster"}:
            text = orjson.dumps(compared(heard[0].pcm)).decode()
        elif said and "caption" in schema["properties"] and not kind:
            text = orjson.dumps(said).decode()
        else:
            text = _content(schema, body, kind, self._senses(body, heard))
        answered = _completion(body, heard, text, kind, self._forced_tool(body))
        # The library of the standard: it writes halves of characters and numbers of any size.
        changed = _merged(answered, change, text) if change else answered
        return web.Response(body=json.dumps(changed), content_type="application/json")

    def _played(self, schema: dict[str, Any], body: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer of one who obeys, or knows voices, where something is asked of it."""
        if self.knobs.obeys and (found := obedient(schema, body, self.knobs.obeys)):
            return found
        return matched(schema, body) if self.knobs.knows_voices else None

    def _schema(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Return the schema the answer must follow, None when it is not understood."""
        asked, known = _asked_format(body), self.knobs.dialects
        if asked == "json_schema":
            return body["response_format"]["json_schema"]["schema"]
        if asked == "json_object" and "json_object" in known:
            return body["response_format"].get("schema")
        if self._forced_tool(body):
            return body["tools"][0]["function"]["parameters"]
        return _schema_in_text(body) if "prompt" in known else None

    def _forced_tool(self, body: dict[str, Any]) -> bool:
        return "tools" in body and "tool" in self.knobs.dialects


def _applies(fault: dict[str, Any], raw: bytes, number: int, seen: Counter[str]) -> bool:
    if "match" in fault and fault["match"].encode() not in raw:
        return False
    if "at" in fault:
        return number in fault["at"]
    if "every" in fault:
        return number % fault["every"] == 0
    if "probability" in fault:
        # By the body and how often it came, so that the order of arrival does not matter.
        digest = _digest(raw)
        dice = random.Random(f"{fault.get('seed', 0)}|{digest}|{seen[digest]}")
        return dice.random() < fault["probability"]
    return True


def _content(
    schema: dict[str, Any], body: dict[str, Any], kind: str, senses: tuple[bool, str]
) -> str:
    corrected = any(message["role"] == "assistant" for message in body["messages"])
    if kind == "invalid_text":
        return "Here is what you asked for."
    if kind == "always_invalid" or (kind == "invalid_answer" and not corrected):
        return '{"text": 7, "strategies": ["no such strategy"]}'
    seed = (text_of(body["messages"][-1]), body.get("seed"))
    text = orjson.dumps(answer(schema, seed, *senses)).decode()
    return text[: len(text) // 2] if kind == "truncated" else text


def _ruled(
    rules: list[dict[str, Any]], schema: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any] | None:
    shown = "\n".join([body["model"], *(str(m["content"]) for m in body["messages"])])
    dice = int(hashlib.sha256(shown.encode()).hexdigest()[:8], 16) / 16**8
    known = schema.get("properties", {}).keys()
    for rule in rules:
        found = re.search(rule["match"], shown, re.DOTALL)
        if found and rule["answer"].keys() <= known and dice < rule.get("share", 1.0):
            return {name: _repeated(said, found) for name, said in rule["answer"].items()}
    return None


def _repeated(said: Any, found: re.Match[str]) -> Any:
    """Return a text with the first group of what was found for $1; anything else as it is."""
    return said.replace("$1", found[1]) if isinstance(said, str) and found.re.groups else said


def _completion(
    body: dict[str, Any], heard: list[Clip], text: str, kind: str, as_tool: bool
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    finish = {"truncated": "length", "filtered": "content_filter"}.get(kind, "stop")
    if as_tool:
        call = {"name": body["tools"][0]["function"]["name"], "arguments": text}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        }
    if kind == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    if kind in {"empty", "filtered"}:
        message = {"role": "assistant", "content": "  "}
    usage = {
        "prompt_tokens": len(orjson.dumps(without_clips(body))) // 4
        + sum(int(clip.seconds * TOKENS_PER_SECOND) for clip in heard),
        "completion_tokens": max(1, len(text) // 4),
    }
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage | {"total_tokens": sum(usage.values())},
    }


def _asked_format(body: dict[str, Any]) -> str:
    return (body.get("response_format") or {}).get("type", "")


def _schema_in_text(body: dict[str, Any]) -> dict[str, Any] | None:
    _, found, text = text_of(body["messages"][0]).rpartition("JSON Schema")
    return orjson.loads(text[text.find("{") : text.rfind("}") + 1]) if found else None


def _digest(raw: bytes) -> str:
    body = orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()


def _said(fault: dict[str, Any] | None) -> web.Response | None:
    if fault is None or fault["kind"] != "says":
        return None
    body = fault.get("body", "")
    if isinstance(body, dict) and "$blanks" in body:
        body = " " * body["$blanks"]
    raw = (body if isinstance(body, str) else json.dumps(body)).encode()
    packed = fault.get("headers", {}).get("Content-Encoding") == "gzip"
    return web.Response(
        body=gzip.compress(raw) if packed else raw,
        status=fault.get("status", 200),
        headers={"Content-Type": "application/json", **fault.get("headers", {})},
    )


def _merged(value: Any, change: Any, text: str) -> Any:
    if isinstance(change, str):
        return change.replace("$text", text)
    if change == {"$object": 1}:
        return json.loads(text)
    if isinstance(change, list):
        old = value if isinstance(value, list) else []
        return [_merged(old[n] if n < len(old) else None, c, text) for n, c in enumerate(change)]
    if not isinstance(change, dict):
        return change
    kept = dict(value) if isinstance(value, dict) else {}
    for name, inner in change.items():
        kept[name] = _merged(kept.get(name), inner, text)
    return kept


def _error_of(fault: dict[str, Any] | None) -> web.Response | None:
    meaning = FAULTS[fault["kind"]] if fault else ""
    if fault is None or isinstance(meaning, str):
        return None
    response = _error(*meaning)
    if fault["kind"] == "redirect":
        response.headers["Location"] = "/v1/chat/completions"
    if "retry_after" in fault:
        response.headers["Retry-After"] = str(fault["retry_after"])
    return response


def _error(status: int, code: str, text: str, param: str | None = None) -> web.Response:
    error = {"message": text, "type": code, "param": param, "code": code}
    return _json({"error": error}, status)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


async def serve(knobs: Knobs, port: int) -> None:
    """Listen on 127.0.0.1, print the port, and serve until the process ends."""
    low_level = web.Server(Server(knobs).handle, access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(low_level)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    assert runner.addresses
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Read the flags and serve."""
    parser = argparse.ArgumentParser(description="An OpenAI-compatible endpoint for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds per answer")
    parser.add_argument("--slots", type=int, default=64, help="requests served at once")
    parser.add_argument("--dialects", default=",".join(DIALECTS))
    parser.add_argument("--dialect-status", type=int, default=400)
    parser.add_argument("--api-key", default="", help="the only key that is let in")
    parser.add_argument("--models", default="test-model", help="separated by commas")
    parser.add_argument("--any-model", action="store_true", help="answer for every model name")
    parser.add_argument("--refused", default="", help="body fields answered with 400")
    parser.add_argument("--faults", type=orjson.loads, default=[], help="a JSON list")
    parser.add_argument("--keep-bodies", action="store_true")
    parser.add_argument("--reads", action="store_true", help="qualify as a reader of words")
    parser.add_argument("--audio", default=",".join(AUDIO), help="kinds of parts that are taken")
    parser.add_argument("--audio-status", type=int, default=400)
    parser.add_argument("--deaf", action="store_true", help="take clips and leave them out")
    chosen = vars(parser.parse_args(arguments))
    port = chosen.pop("port")
    for name in ("dialects", "models", "refused", "audio"):
        chosen[name] = [part for part in chosen[name].split(",") if part]
    asyncio.run(serve(Knobs(**chosen), port))


if __name__ == "__main__":
    main()
