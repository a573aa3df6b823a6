"""Runs the real review server in a process of its own, and asks it over HTTP as a browser does."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

from builds import command, environment

_FORM_TOKEN = re.compile(r'name="form-token" content="([0-9a-f]{64})"')
_START = re.compile(r'<script type="application/json" id="start">(.*?)</script>', re.S)


class Server:
    """A review of a build, served until it is stopped; it may be started again at its port."""

    def __init__(self, folder: Path, *options: Any, command: str = "review") -> None:
        self.folder = folder
        self.command = command
        self.options = options
        self.port = 0
        self.lines: list[str] = []

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            command(self.command, self.folder, "--port", self.port, *self.options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.match(r"open https?://[^/:]*(?::(\d+))?/ ", line):
                self.port = int(found[1] or self.port)
                return
        raise AssertionError("\n".join(self.lines))

    def stop(self) -> str:
        """Ask it to stop and return all that it printed."""
        if self.process.poll() is None:
            self.process.terminate()
        rest = self.process.communicate(timeout=20)[0]
        return "\n".join([*self.lines, rest])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Visitor:
    """Somebody at the server without a browser: a session, and what a page would send."""

    def __init__(self, server: Server, name: str = "", token: str = "") -> None:
        self.port = server.port
        self.cookie = self.form_token = ""
        if name or token:
            status, headers, _ = self.ask("POST", "/join", {"name": name, "token": token})
            assert status == 200, status
            self.cookie = headers["set-cookie"].split(";")[0]
            self.page = self.ask("GET", "/review")[2].decode()
            self.form_token = _FORM_TOKEN.search(self.page)[1]

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer; `headers` replace those of a page."""
        own = {"Cookie": self.cookie, "X-Form-Token": self.form_token}
        own |= {"Content-Type": "application/json"} | (headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body)
            connection.request(method, path, sent, {k: v for k, v in own.items() if v})
            answered = connection.getresponse()
            found = {name.lower(): value for name, value in answered.getheaders()}
            return answered.status, found, answered.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, content = self.ask("GET", path)
        assert status == 200, (path, status, content)
        return json.loads(content)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        status, _, content = self.ask("POST", path, body)
        return status, json.loads(content)

    def items(self, count: int = 1) -> list[dict[str, Any]]:
        return self.get(f"/items?count={count}")["items"]

    def start(self) -> dict[str, Any]:
        """Return what the page of the review begins with."""
        return json.loads(_START.search(self.page)[1])

    def decide(self, item: dict[str, Any], verdict: str = "accept", **more: Any) -> tuple[int, Any]:
        """Decide about an item after having heard all of it; `more` replaces what is sent."""
        return self.post("/decide", decision(item, verdict, **more))


def decision(item: dict[str, Any], verdict: str = "accept", **more: Any) -> dict[str, Any]:
    """Return a decision as the page sends it."""
    about = {name: item[name] for name in ("item", "seen", "version")}
    heard = {"seconds_heard": item["duration"] or 0}
    return {**about, "event_id": str(uuid.uuid4()), "verdict": verdict, **heard, **more}
