"""Personal data: found by its form, replaced by what is as long, and in nothing that leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import hearten, samples
from endpoints import TestEndpoint
from hypothesis import given
from hypothesis import strategies as st
from trees import hum, make_meld_tree, meld_row, stereo

from builders.safety import personal
from builders.safety.personal import digits_of, iban_rest, luhn, personal_data, personal_kinds
from builders.safety.signs import Signs
from builders.safety.surrogates import Surrogates


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind", "thing"),
    [
        ("Call me at (212) 555-0147 tomorrow.", "phone", "(212) 555-0147"),
        ("My number is 555-0147.", "phone", "555-0147"),
        ("ring me on 07700 900123 after six", "phone", "07700 900123"),
        ("+49 30 901820 is the office", "phone", "+49 30 901820"),
        ("it's five five five, oh one four seven", "phone", "five five five, oh one four seven"),
        ("write to john.smith@example.com please", "mail", "john.smith@example.com"),
        ("john dot smith at gmail dot com", "mail", "john dot smith at gmail dot com"),
        ("I live at 42 Maple Street, Apt 4B.", "address", "42 Maple Street, Apt 4B"),
        ("Hauptstraße 12, 10115 Berlin", "address", "Hauptstraße 12, 10115 Berlin"),
        ("It goes to P.O. Box 123.", "address", "P.O. Box 123"),
        ("my card is 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("GB29 NWBK 6016 1331 9268 19", "account", "GB29 NWBK 6016 1331 9268 19"),
        ("account number 12345678", "account", "12345678"),
        ("my social is 123-45-6789", "id_number", "123-45-6789"),
        ("passport number X1234567", "id_number", "X1234567"),
        ("192.168.1.20 is the router", "ip", "192.168.1.20"),
        ("see https://example.org/a/b?c=1.", "link", "https://example.org/a/b?c=1"),
        ("follow me @maria_lopez99", "handle", "@maria_lopez99"),
        ("I was born on 3 May 1990.", "birth_date", "3 May 1990"),
        ("date of birth: 03/05/1990", "birth_date", "03/05/1990"),
    ],
)
def test_each_kind_is_found_where_it_stands(text, kind, thing):
    assert found(text) == [(kind, thing)]


@pytest.mark.parametrize(
    "text",
    [
        "In 1994 I moved, in 2001 we married.",
        "It cost 1,000,000 dollars, or $5551234567.",
        "call me at 5",
        "the score was 21-14, 10-3",
        "See you at 10:30 on 12/25.",
        "He ran 10 miles down the road in apartment 20.",
        "five minutes down the street, twenty five people came",
        "one, two, three, four, five, six, seven, eight",
        "4111 1111 1111 1112 is no card, GB29 NWBK 6016 1331 9268 18 no account",
        "999.1.1.1 is no address",
        "9,000 euros on 3 March 2019",
        "Flight 815 leaves at 1745 from gate 22",
        "",
        "😀" * 1000,
    ],
)
def test_years_prices_times_and_scores_are_none(text):
    assert found(text) == []


def test_a_surrogate_has_the_form_of_what_it_replaces():
    made = Surrogates("d", [])
    phone = made.of("phone", "(212) 555-0147")
    assert [letter if not letter.isdigit() else "#" for letter in phone] == list("(###) ###-####")
    assert luhn(digits_of(made.of("card", "4111 1111 1111 1111")))
    assert iban_rest(made.of("account", "GB29 NWBK 6016 1331 9268 19")) == 1
    assert made.of("mail", "a@b.com").endswith("@example.com")
    assert made.of("address", "42 Maple Street").endswith(" Street")


def test_the_same_thing_has_the_same_surrogate_throughout_a_dialogue_and_another_elsewhere():
    made = Surrogates("d", ["555-0147", "It's 5550147."])
    assert digits_of(made.of("phone", "555-0147")) == digits_of(made.of("phone", "5550147"))
    assert made.of("phone", "555-0147") == Surrogates("d", []).of("phone", "555-0147")
    assert made.of("phone", "555-0147") != Surrogates("e", []).of("phone", "555-0147")


def test_a_surrogate_never_is_what_somebody_says_in_the_dialogue():
    first = Surrogates("d", []).of("mail", "a@b.com")
    second = Surrogates("d", [f"Is it {first}?"]).of("mail", "a@b.com")
    assert first != second


@given(st.text(alphabet="0123456789 -+().@abc:/", max_size=60))
def test_no_text_breaks_it_and_what_was_found_is_gone(text):
    spans = personal_data(text)
    assert all(0 <= one.start < one.end <= len(text) for one in spans)
    made = Surrogates("d", [text]).replaced(text, spans)
    for one in spans:
        thing = text[one.start : one.end]
        assert len(thing) < 6 or thing not in made


def test_each_name_of_a_kind_stands_for_one_kind():
    assert personal_kinds()["email"] == "mail" and personal_kinds()["iban"] == "account"


PHONE, MAIL = "212-555-0147", "heron.lover@example.org"
ROWS = {
    "train": [
        meld_row(0, 0, Utterance=f"My number is {PHONE}, call me.", Emotion="sadness"),
        meld_row(0, 1, Utterance="They sold the orchard.", Emotion="sadness"),
        meld_row(0, 2, Utterance=f"{PHONE} or {MAIL}, you said?", Emotion="sadness"),
    ],
    "dev": [meld_row(0, 0)],
    "test": [meld_row(0, 0)],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a build whose source holds a number and an address, and what was sent."""
    here = tmp_path_factory.mktemp("personal")
    source = make_meld_tree(here / "source", ROWS)
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "m"),
            *("--model", "m", "--base-url", endpoint.base_url),
            cwd=here,
        )
        bodies = json.dumps(endpoint.log()["bodies"])
    assert ended.code == 0, ended.err
    return here / "output/m", bodies


def told_by(file: Path) -> str:
    """Return what is in a file, its Parquet unpacked."""
    if file.suffix == ".parquet":
        return str(pq.read_table(file).to_pylist())
    return file.read_bytes().decode("utf-8", "replace")


def test_it_is_in_no_request_no_file_of_the_build_and_no_export(made, tmp_path):
    folder, bodies = made
    ended = hearten(
        *("export", folder, "--format", "trl", "--task", "sft", "--to", tmp_path / "out")
    )
    files = [f for at in (folder.parent, tmp_path) for f in at.rglob("*") if f.is_file()]
    assert ended.code == 0 and any("out" in file.parts for file in files)
    for planted in (PHONE, MAIL, digits_of(PHONE)):
        assert planted not in bodies
        assert not [file for file in files if planted in told_by(file)]


def test_the_record_says_so_and_a_number_is_the_same_in_all_turns(made):
    records = {row["id"]: row for row in samples(made[0])}
    first = records["meld-train-0-0"]
    number = first["target_utterance"]["text"].split()[3].rstrip(",")
    assert number in records["meld-train-0-2"]["target_utterance"]["text"]
    assert number in records["meld-train-0-1"]["text_context"][0]["text"]
    assert first["safety"]["pii"] == {"text": True, "sound": None}
    assert records["meld-dev-0-0"]["safety"]["pii"] == {"text": False, "sound": None}
    codes = [one["code"] for one in first["audio_info"]["findings"]]
    assert codes == ["personal_data_replaced"]


def test_the_clip_of_such_a_line_is_neither_sent_nor_kept(tmp_path):
    clips = {f"dev/dia0_utt{number}": stereo(hum(0.5 + number / 5)) for number in (0, 1)}
    rows = [meld_row(0, 0, Utterance=f"My number is {PHONE}."), meld_row(0, 1)]
    source = make_meld_tree(tmp_path / "source", {**ROWS, "dev": rows}, clips)
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--split", "dev", "--hear"),
            *("--model", "m", "--base-url", endpoint.base_url, "--name", "m"),
            cwd=tmp_path,
        )
        sent = endpoint.log()["clips"]
    assert ended.code == 0, ended.err
    with_number, other = sorted(samples(tmp_path / "output/m"), key=lambda row: row["id"])
    assert with_number["audio"] is None and other["audio"]["bytes"]
    assert with_number["safety"]["pii"]["sound"] is True
    assert other["text_context"][0]["audio_sha256"] is None
    assert other["audio_info"]["sha256_pcm"] in sent
    # One clip is asked about with each target that has one; the rest are beeps of the probe.
    assert with_number["voice"] is not None


def test_rows_come_out_with_spans_surrogates_and_scores(tmp_path):
    rows = [
        {
            "id": "a",
            "context": [{"role": "other", "text": f"Is it {PHONE}?"}],
            "utterance": f"Yes, {PHONE}.",
            "gold": [{"start": 5, "end": 17, "kind": "telephone"}],
        },
        {"id": "b", "utterance": "In 1994.", "gold": []},
        {"id": "c", "utterance": "Ann.", "gold": [{"start": 0, "end": 3, "kind": "name"}]},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ended = hearten("redact", file)
    assert ended.code == 0, ended.err
    a, b, _ = map(json.loads, ended.out.splitlines())
    (span,) = a["spans"]
    assert (span["start"], span["end"], span["kind"]) == (5, 17, "phone")
    assert a["redacted"] == f"Yes, {span['surrogate']}."
    assert a["redacted_context"][0]["text"] == f"Is it {span['surrogate']}?"
    assert (b["spans"], b["redacted"]) == ([], "In 1994.")
    assert "3 rows: 1 phone" in ended.err
    assert "phone: precision 1 of 1, 1.00" in ended.err and "recall 0 of 1, 0.00" in ended.err
    assert json.loads(hearten("redact", file, "--json").out)["scores"]["all_kinds"]


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ('"phone"', ":1: gold is 'phone'; expected a list of {start, end, kind}"),
        ('[{"start": 0, "end": 99, "kind": "phone"}]', "expected a place in the utterance, 0 to 2"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, gold, said):
    file = tmp_path / "lines.jsonl"
    file.write_text(f'{{"id": "a", "utterance": "Hi", "gold": {gold}}}\n', encoding="utf-8")
    ended = hearten("redact", file)
    assert ended.code == 1 and said in ended.err


def test_the_times_of_a_recording_are_not_searched_for_telephone_numbers(monkeypatch):
    monkeypatch.setattr("builders.safety.personal._phones", lambda _: pytest.fail("searched"))
    for time in ("00:16:16,059", "0:16:16.059", "16:16", "00:16:16"):
        assert personal_data.__wrapped__(time) == ()


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("I stood at the door and could not say one word to her.", 0),
        ("You are right... I waited for two hours in the rain", 0),
        ("We met at 8, and it was 20 below.", 6),
        ("Two of us walked down the street.", 1),
    ],
)
def test_only_forms_that_a_text_may_hold_are_looked_for(monkeypatch, text, forms):
    looked: list[str] = []
    monkeypatch.setattr(personal, "_of_form", lambda form, _: looked.append(form.kind) or ())
    assert personal_data.__wrapped__(text) == ()
    assert len(looked) <= forms, looked


PIECES = (
    *(
        "john",
        "dot",
        "at",
        "gmail.com",
        "Gmail dot com",
        "www",
        "www.",
        "https://x/",
        "u/bob",
        "@bob",
    ),
    *("call me", "five", "Oh", "double", "12", "555-0147", "42", "Maple", "Street", "ST.", "rue"),
    *(
        "insta:",
        "screen name is",
        "bob_x",
        "fe80::1",
        "ab:cd::ef",
        "born",
        "May",
        "3,",
        "'85",
        "zip",
    ),
    *("Hauptstra\u00dfe", "P.O. Box", "SW1A", "1AA", "DE89", "37040044", "0532013000", "card", "."),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_a_form_is_looked_for_in_every_text_that_holds_it(text):
    signs = Signs.of(text)
    for form in personal._FORMS:
        if personal._may_hold(text) and [*personal._of_form(form, text)]:
            assert form.digits <= signs.digits and form.needs(signs)


# The fewest digits with which a form is found.
LEAST = (
    *("card 411111111111", "123-45-6789", "AB 12 34 56 C", "ssn 12345", "account 12345", "M1 1AA"),
    *("born 3 May '85", "Hauptweg 1", "rue Verte Paris 1", "po box 1", "zip 12345", "555 1234"),
    *("call 12 34 56", "1.2.3.4", "4000000000006", "1 Oak Street"),
)


@pytest.mark.parametrize("text", LEAST)
def test_a_form_is_looked_for_with_the_fewest_digits_that_it_takes(text):
    signs = Signs.of(text)
    holding = [form for form in personal._FORMS if [*personal._of_form(form, text)]]
    assert holding and all(form.digits <= signs.digits and form.needs(signs) for form in holding)
