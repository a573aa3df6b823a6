"""Runs commands in processes that have the libraries loaded: most of a short command is imports.

A server loads libraries, ours as well, and the tables that every build reads; then each command is
a process that is forked from it, with its own arguments, folder, environment and files for what it
prints. That takes a third of the time. Tests do so with `--warm`; without it each command is a new
interpreter, as it is for a user.

What an interpreter looks at when it starts cannot be given to a fork: for an environment that
differs in more than what commands read while they run, and in a folder that has a copy of ours,
there is a new interpreter here as well.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

# None of them starts a thread that a fork would miss, as polars does, and none reads what tests set
# when it is loaded, as huggingface_hub does.
LIBRARIES = (
    "numpy pandas pyarrow.parquet pyarrow.compute sqlalchemy.dialects.sqlite aiohttp jinja2 orjson "
    "soundfile soxr av jsonschema_rs pydantic typer rich.console h5py"
).split()
# So modules of ours that load one of these at once are left to the commands.
UNFIT = ("polars", "huggingface_hub", "datasets", "librosa", "torch")
# Variables that commands read while they run.
_READ_LATE = ("HEARTEN_", "HF_", "OPENAI_", "HIBARI_", "PYTEST_")
# Variables that libraries set for themselves in the process that runs the tests; users have none.
_OF_LIBRARIES = ("KMP_", "_RJEM_")
_NUMBER = 4


def can_run(wanted: dict[str, str], started: dict[str, str], cwd: Path | None) -> bool:
    """Return whether a command reads while it runs all that its environment and folder change."""
    if cwd and (cwd / "builders").is_dir():
        return False
    differing = {name for name, _ in wanted.items() ^ started.items()}
    fine = _READ_LATE + _OF_LIBRARIES
    return all(name.startswith(fine) or name.endswith("_API_KEY") for name in differing)


class Warm:
    """A server with the libraries loaded; it ends with this process.

    Args:
        environment: that of the server.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.started = dict(environment)
        self._folder = tempfile.TemporaryDirectory(prefix="hearten-warm-")
        self._address = str(Path(self._folder.name) / "socket")
        self._server = subprocess.Popen(
            [sys.executable, __file__, self._address],
            env={**environment, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout and self._server.stdout.readline() == b"ready\n"

    def run(
        self, arguments: list[str], cwd: Path | None, env: dict[str, str]
    ) -> tuple[int, str, str]:
        """Run `python -m builders` with arguments; return its exit code and what it printed."""
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX) as link,
        ):
            link.connect(self._address)
            asked = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "env": env}
            body = json.dumps(asked).encode()
            socket.send_fds(link, [len(body).to_bytes(_NUMBER)], [out.fileno(), err.fileno()])
            link.sendall(body)
            answer = _exactly(link, _NUMBER)
            said = [file.seek(0) or file.read().decode() for file in (out, err)]
        code = int.from_bytes(answer, signed=True)
        return code, said[0].replace("\r\n", "\n"), said[1].replace("\r\n", "\n")

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin and self._server.stdout
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
        self._folder.cleanup()


def _exactly(link: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = link.recv(length - len(found))
        if not piece:
            raise EOFError("the server of warm processes closed the connection")
        found += piece
    return found


def serve(address: str) -> None:
    """Load the libraries, and fork a process for each connection until stdin is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    _load_ours()
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([listening, sys.stdin], [], [], 1)
        if sys.stdin in readable:
            return
        if listening in readable:
            link, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                os._exit(_watch(link))
            link.close()
        _reap()


def _load_ours() -> None:
    """Load what commands share: modules of ours, the tables of English, prompts and report."""
    import builders
    from builders.errors import HeartenError

    sys.modules.update(dict.fromkeys(UNFIT))
    for module in pkgutil.walk_packages(builders.__path__, "builders.", onerror=lambda _: None):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError, HeartenError):
                importlib.import_module(module.name)
    for name in UNFIT:
        del sys.modules[name]
    from builders import report
    from builders.llm import prompts
    from builders.safety.tables import tables_of
    from builders.tasks.reply.checks import foreign, language

    safety = tables_of("en")
    assert safety
    for patterns in (language.load_language("en").patterns, safety.patterns, safety.of_replies):
        _ = patterns._beginnings
    for template in prompts.DRAFT_TEMPLATES:
        prompts.load(template)
    report._environment().get_template("report.html.j2")
    report._environment().get_template("pictures.html.j2")
    foreign._identifier()


def _reap() -> None:
    """Let go of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _watch(link: socket.socket) -> int:
    """Fork the command that was asked for, and say how it ended: its code, or minus its signal."""
    number, files, _, _ = socket.recv_fds(link, _NUMBER, 2)
    asked = json.loads(_exactly(link, int.from_bytes(number)))
    child = os.fork()
    if child == 0:
        link.close()
        os._exit(_command(asked, files))
    _, status = os.waitpid(child, 0)
    link.sendall(os.waitstatus_to_exitcode(status).to_bytes(_NUMBER, signed=True))
    return 0


def _command(asked: dict[str, Any], files: list[int]) -> int:
    """Be `python -m builders` with the arguments, and return its exit code."""
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate([nothing, *files]):
        os.dup2(file, number)
    sys.path[0] = asked["cwd"]
    sys.argv = ["builders", *asked["arguments"]]
    code: Any = 0
    try:
        runpy.run_module("builders", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:  # noqa: BLE001 as an interpreter ends with one
        traceback.print_exc()
        code = 1
    # What an interpreter does at its end, in its order.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code & 255


if __name__ == "__main__":
    serve(sys.argv[1])
