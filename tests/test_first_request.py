"""What is imported before a build sends its first request: it decides when that leaves."""

import json
import subprocess
import sys

import pytest
from builds import environment
from endpoints import TestEndpoint

# Libraries that a build of text needs later, or never.
LATER = (
    "numpy pyarrow pandas polars matplotlib soundfile soxr av rich openai httpx fastapi datasets "
    "sqlalchemy.dialects.postgresql psycopg faster_whisper onnxruntime"
).split()
# Modules of our own that are about what comes after the answers.
OURS_LATER = (
    "builders.report builders.review builders.record.parquet builders.record.data_file "
    "builders.audio.decode builders.tts.stage builders.release.hub builders.release.export"
).split()

RUN = """
import json, sys

def noted(event, arguments):
    if event == "socket.connect" and arguments[1][0] == "127.0.0.1":
        if not seen:
            seen.extend(sys.modules)

seen = []
sys.addaudithook(noted)
from builders.cli import main
try:
    main()
finally:
    sys.__stderr__.write(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Return the modules that were imported when the first connection was made."""
    flags = ["--corpus", "meld", "--sample", "--text-only", "--name", "first"]
    flags += ["--output", str(tmp_path_factory.mktemp("first")), "--limit", "3"]
    with TestEndpoint() as endpoint:
        asked = ["--model", "test-model", "--base-url", endpoint.base_url]
        ended = subprocess.run(
            [sys.executable, "-c", RUN, "build", *flags, *asked],
            capture_output=True,
            text=True,
            env=environment(),
        )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stderr[ended.stderr.rindex("[") :])


@pytest.mark.parametrize("name", LATER + OURS_LATER)
def test_it_is_not_imported_before_the_first_request(loaded, name):
    assert not [one for one in loaded if one == name or one.startswith(f"{name}.")]


def test_what_sends_it_was_imported(loaded):
    assert {"aiohttp", "builders.pipeline.drafting", "sqlalchemy"} <= set(loaded)
