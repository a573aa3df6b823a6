"""A real speech endpoint in a thread of the test: it speaks, refuses, limits, breaks off."""

from __future__ import annotations

import asyncio
import io
import threading
from collections import Counter
from typing import Any, Self

import numpy as np
import soundfile
from aiohttp import web
from audio.aloud import read_aloud
from audio.voices import RATE

SAYS_INSTEAD = "Nineteen purple engines swallowed the wooden harbour at noon."


class SpeechServer:
    """Answers ``POST /v1/audio/speech``; a context manager.

    Attributes:
        faults: what the next requests meet, one each: a status, "broken", "text", "silent" or
            "drop"; None is an ordinary answer.
        refused: fields of a body that are answered with 400, and formats it does not know.
        mumbled: texts in whose place it says something else.
        hopeless: texts whose sound always breaks off.
        longest: how many characters a text may have.
        latency: seconds before an answer.
        streamed: whether a WAV says nothing of its length.
        bodies: every body that came. `answered` counts the texts that were spoken.
    """

    def __init__(self) -> None:
        self.faults: list[Any] = []
        self.refused: set[str] = set()
        self.mumbled: set[str] = set()
        self.hopeless: set[str] = set()
        self.longest = 4096
        self.latency = 0.0
        self.streamed = False
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answered: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def base_url(self) -> str:
        """Return the address a client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._speech)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            return self._answer(request, body)
        finally:
            self.in_flight -= 1

    def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        fault = self.faults.pop(0) if self.faults else None
        fault = "broken" if body["input"] in self.hopeless else fault
        if fault == "drop":
            assert request.transport
            request.transport.abort()
        if isinstance(fault, int):
            return _error(fault, "Something is wrong here.")
        if len(body["input"]) > self.longest:
            return _error(400, f"String should have at most {self.longest} characters.")
        for name in self.refused:
            if name in body:
                return _error(400, f"Unsupported parameter: '{name}'.")
            if body["response_format"] == name:
                return _error(400, f"Input should be 'mp3' or 'pcm': response_format {name}")
        sound = _sound(body, self.streamed, body["input"] in self.mumbled)
        self.answered[body["input"]] += fault is None
        broken = {
            "broken": sound[: len(sound) // 3],
            "text": b'{"detail": "no voice today"}',
            "silent": _encoded(np.zeros(8000, np.int16), "wav"),
        }
        return web.Response(body=broken.get(fault, sound), content_type="audio/wav")


def _sound(body: dict[str, Any], streamed: bool, mumbled: bool) -> bytes:
    pcm = read_aloud(SAYS_INSTEAD if mumbled else body["input"])
    made = _encoded(pcm, body["response_format"])
    if streamed and made[:4] == b"RIFF":
        at = made.index(b"data") + 4
        made = made[:4] + b"\xff" * 4 + made[8:at] + b"\xff" * 4 + made[at + 4 :]
    return made


def _encoded(pcm: np.ndarray, form: str) -> bytes:
    if form == "pcm":
        import soxr

        return soxr.resample(pcm, RATE, 24_000).astype("<i2").tobytes()
    file = io.BytesIO()
    soundfile.write(file, pcm, RATE, format=form.upper(), subtype="PCM_16")
    return file.getvalue()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": "wrong"}}, status=status)
