"""Starts the test endpoint (tests/endpoint/server.py) in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self

import orjson

SERVER = Path(__file__).parent / "endpoint" / "server.py"


class TestEndpoint:
    """A running test endpoint; a context manager.

    Arguments are the server's flags without dashes: ``TestEndpoint(latency=0.1, slots=8)``; lists
    are joined with commas, `faults` is a list of objects, True is a flag without a value.
    """

    __test__ = False  # a fixture class, not a test, whatever its name

    def __init__(self, **flags: Any) -> None:
        self._flags = flags
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def base_url(self) -> str:
        """Return the address an OpenAI client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def process_id(self) -> int:
        """Return the number of its process."""
        assert self._process
        return self._process.pid

    def __enter__(self) -> Self:
        command = [sys.executable, str(SERVER), *_arguments(self._flags)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; the port then refuses connections."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def restart(self) -> None:
        """Start again on the same port, with an empty log."""
        self._flags["port"] = self.port
        self.__enter__()

    def control(self, **knobs: Any) -> None:
        """Set knobs of the running server and begin a new log (`keep_log=True` keeps it)."""
        # Not by orjson, which refuses halves of characters and large numbers.
        self._call(json.dumps(knobs).encode())

    def log(self) -> dict[str, Any]:
        """Return what has been asked since the log began."""
        return self._call(None)

    def _call(self, body: bytes | None) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/control"
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=30) as answer:
            return orjson.loads(answer.read())


def _arguments(flags: dict[str, Any]) -> list[str]:
    parts: list[str] = []
    for name, value in flags.items():
        parts.append("--" + name.replace("_", "-"))
        if name == "faults":
            parts.append(orjson.dumps(value).decode())
        elif value is not True:
            parts.append(",".join(value) if isinstance(value, list) else str(value))
    return parts
