"""Keys are masked at every way out, however a server writes them."""

from __future__ import annotations

import base64
import html
import io
import json
import subprocess
import sys
import traceback
from urllib.parse import quote, unquote

import orjson
import pytest
from builds import environment, hearten
from endpoint.answers import answer
from wire import Told, http

from builders import masking, settings
from builders.llm.failures import Failure
from builders.store.database import Answer, Attempt, RequestRow, Store

KEY = "Ab1/Cd2+Ef3gHi4jKl5mNo6="

SHAPES = {
    "plain": lambda key: key,
    "solidus": lambda key: key.replace("/", "\\/"),
    "unicode": lambda key: key.replace("+", "\\u002B").replace("=", "\\u003d"),
    "all unicode": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "escaped twice": lambda key: key.replace("/", "\\\\/").replace("+", "\\\\u002b"),
    "hex escapes": lambda key: "".join(f"\\x{ord(c):02x}" for c in key),
    "percent": lambda key: quote(key, safe=""),
    "percent, small": lambda key: quote(key, safe="").lower() if key == KEY else quote(key),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "all percent": lambda key: "".join(f"%{ord(c):02X}" for c in key),
    "entities": lambda key: key.replace("/", "&sol;").replace("+", "&plus;"),
    "numbers": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "hex numbers": lambda key: "".join(f"&#x{ord(c):X};" for c in key),
    "html": html.escape,
    "hexadecimal": lambda key: key.encode().hex(),
    "HEXADECIMAL": lambda key: key.encode().hex().upper(),
    "bearer": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "basic": lambda key: base64.b64encode(f":{key}".encode()).decode(),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "url-safe base64": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "amid base64": lambda key: base64.b64encode(f"token={key}&x".encode()).decode(),
    "base64 in JSON": lambda key: json.dumps(
        base64.b64encode(f"Bearer {key}".encode()).decode()
    ).replace("=", "\\u003D"),
    "small letters": str.lower,
}


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(masking, "_known", set())


def leaks(key: str, text: str) -> bool:
    """Whether a text, with all escapes undone, still holds the key or most of it."""
    for _ in range(3):
        text = html.unescape(unquote(text)).replace("\\/", "/")
        if "\\u" in text or "\\x" in text:
            text = text.replace("\\\\", "\\").encode("latin-1", "replace").decode("unicode_escape")
    core = base64.b64encode(f"Bearer {key}".encode()).decode()[10:-3]
    return any(
        form.lower() in text.lower() for form in (key, core, key.encode().hex()) if len(form) > 2
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("key", [KEY, "sk-proj-0123456789abcdefXYZ_-", "hf_abc123"])
def test_a_key_is_masked_in_every_shape(shape, key):
    masking.learn(key)
    written = f"no: {SHAPES[shape](key)} (refused)"
    masked = masking.mask(written)
    assert "***" in masked and not leaks(key, masked), masked
    assert masked.startswith("no: ") and masked.endswith(" (refused)")
    as_bytes = masking.mask_bytes(written.encode())
    assert b"***" in as_bytes


@pytest.mark.parametrize("key", ["abc", "x7", "ollama", "k-1"])
@pytest.mark.parametrize("shape", ["plain", "all unicode", "all percent", "hex numbers", "bearer"])
def test_a_short_key_is_masked_as_a_word_of_its_own(shape, key):
    masking.learn(key)
    assert masking.mask(f"no: {SHAPES[shape](key)}.") == "no: ***."


def test_a_short_key_is_not_cut_out_of_other_words():
    masking.learn("abc")
    assert masking.mask("the abcess of zabc") == "the abcess of zabc"
    masking.learn_address("postgresql+psycopg://me:postgres@host/base")
    assert masking.mask("postgresql://me:postgres@host") == "postgresql://me:***@host"


@pytest.mark.parametrize("word", ["ollama", "EMPTY", "1234"])
def test_an_answer_keeps_a_word_that_stands_in_place_of_a_key(word):
    masking.learn(word)
    body = f'{{"text": "{word} is a word", "tokens": {1234}}}'
    assert masking.mask_bytes(body.encode()).decode() == body
    assert masking.mask_answer(f"I like {word}.") == f"I like {word}."
    assert masking.mask(f"the key {word} is wrong") == "the key *** is wrong"


def test_what_holds_no_key_stays_as_it_is():
    masking.learn(KEY)
    for body in (b"\xff\xfe 50% & more \\u2019", "naïve ☕ 100 %".encode(), b"", b"Ab1/Cd2"):
        assert masking.mask_bytes(body) is body
    masking.learn("none", "", None)
    assert masking.mask("none of it") == "none of it"


def test_passwords_of_proxies_and_stores_are_keys(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://me:s3cr%2Fet@proxy:3128")
    monkeypatch.setenv("HEARTEN_STORE", "postgresql://me:db-pass@host/base")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    masking.learn_environment()
    said = masking.mask("s3cr/et s3cr%2Fet db-pass hf_0123456789 [::1")
    assert said == "*** *** *** *** [::1"
    masking.learn_address("http://[::1")


def test_a_failure_and_the_store_hold_no_key(tmp_path):
    masking.learn(KEY)
    failure = Failure("bad_request", f"HTTP 400: {quote(KEY, safe='')}")
    assert failure.detail == "HTTP 400: ***" and KEY not in str(failure)
    store = Store(str(tmp_path / "a.sqlite"))
    asked = RequestRow("k", "r", 0, "m", "1", None)
    attempt = Attempt("k", "m", "http://h/v1", "bad_request", 400, f"said {KEY}")
    store.save([asked], {"k": Answer("ok", f"hi {KEY}", KEY, "m")}, [("b", attempt)])
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert KEY.encode() not in kept and b"said ***" in kept


def test_whatever_is_printed_is_masked_tracebacks_too():
    masking.learn(KEY)
    behind = io.StringIO()
    stream = masking.masking(behind)
    print("a line with", KEY, file=stream)
    stream.writelines([f"{KEY}\n", "b\n"])
    try:
        raise RuntimeError(f"in the middle of {KEY}")
    except RuntimeError:
        traceback.print_exc(file=stream)
        sys.excepthook(*sys.exc_info())
    assert KEY not in behind.getvalue() and behind.getvalue().count("***") >= 3
    assert stream.isatty() is False


def _server(key: str) -> Told:
    """Return a server that repeats its key in every shape, in failures and in answers."""
    shapes = list(SHAPES.values())
    statuses = ["400 Bad Request", "422 Unprocessable", "500 Broken", "503 Busy", "403 No"]
    count = [0]

    def says(_: str, body: bytes) -> bytes:
        asked = orjson.loads(body)
        schema = asked["response_format"]["json_schema"]["schema"]
        text = orjson.dumps(answer(schema, str(asked["messages"][-1]), False)).decode()
        count[0] += 1
        shape = shapes[count[0] % len(shapes)](key)
        if "colour" in schema["properties"] or count[0] % 2:
            message = {"role": "assistant", "content": text}
            said = {"choices": [{"message": message, "finish_reason": "stop"}], "model": shape}
            return http("200 OK", orjson.dumps(said), "Content-Type: application/json")
        status = statuses[count[0] // 2 % 4] if count[0] < 40 else statuses[2]
        shape = shape.replace('"', "'")
        plain = f'{{"error": {{"message": "{shape} may not do this"}}}}'
        return http(status, plain.encode(), "Content-Type: application/json")

    return Told(says)


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
@pytest.mark.parametrize("key", [KEY, "k7-Zq"])
@pytest.mark.slow
def test_no_byte_of_a_build_holds_its_key(tmp_path, client, key):
    with _server(key) as server:
        ended = hearten(
            *("build", "--corpus", "meld", "--sample", "--text-only", "--model", "m"),
            *("--base-url", server.address, "--client", client, "--patience", 2),
            cwd=tmp_path,
            HEARTEN_API_KEY=key,
        )
    assert server.bodies and "Traceback" not in ended.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "hearten.sqlite" for path in files)
    found = [ended.out, ended.err, *(path.read_bytes().decode("latin-1") for path in files)]
    for name, shape in SHAPES.items():
        for text in found:
            assert shape(key) not in text, name


def test_keys_are_masked_in_a_traceback_of_the_command(tmp_path):
    code = (
        "import sys; from builders import cli\n"
        "def broken(*a, **k): raise RuntimeError('the key is ' + 'Ab1/Cd2+Ef3gHi4jKl5mNo6=')\n"
        "cli.app.registered_commands.clear()\n"
        "cli._run(broken, 'hearten')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(HEARTEN_API_KEY=KEY),
    )
    assert done.returncode and "RuntimeError: the key is ***" in done.stderr
    # The line of the source that is shown with it is no key of a server's.
    assert KEY not in done.stderr.replace(code, "")


def test_every_variable_of_ours_that_holds_a_key_is_masked_before_it_is_read(monkeypatch):
    keys = [value for name, value in vars(settings).items() if name.endswith("_KEY")]
    assert len(keys) >= 6
    for number, variable in enumerate(keys):
        monkeypatch.setenv(variable, f"sk-{number}-5d20c1f7")
    masking.learn_environment()
    for number, variable in enumerate(keys):
        assert f"sk-{number}-5d20c1f7" not in masking.mask(f"{variable} is sk-{number}-5d20c1f7")
