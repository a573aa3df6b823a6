"""The names of a script's people: others in requests, the script's own in what is checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import SAD, answer_text, target, utterance

from builders.corpora import load_card, slugs
from builders.errors import LabelError
from builders.llm.settings import Sampling
from builders.pipeline.context import Conversation
from builders.record.redraft import Note
from builders.record.types import Dialogue
from builders.store.database import Answer
from builders.tasks.reply import names
from builders.tasks.reply.asking import PromptExtras
from builders.tasks.reply.draft import Draft, Drafter
from builders.tasks.reply.names import OtherNames, load_names

SCRIPT = load_names("friends", "en")


def told(*lines: tuple[str | None, str], dialogue: str = "1") -> list:
    return [
        utterance(n, speaker=who, text=text, dialogue=dialogue)
        for n, (who, text) in enumerate(lines)
    ]


def others(*lines: tuple[str | None, str]) -> OtherNames:
    return OtherNames(SCRIPT, told(*lines))


def drafter(persona: str = "assistant", **extras) -> Drafter:
    more = PromptExtras(script=SCRIPT, **extras)
    return Drafter("a-model", persona, "voice", Sampling(), extras=more)


def last(lines, turns: int = 8, persona: str = "assistant"):
    said = told(*lines)
    dialogue = Dialogue("dev", "1", said, "Season 3, episode 4. Present: Ross, Marta.", "scene")
    return Conversation(dialogue, [SAD] * len(said), turns, persona).target(len(said) - 1)


def test_a_name_is_another_one_everywhere_in_a_dialogue_and_comes_back():
    ours = others(("Ross", "Monica, look!"), ("Monica", "ROSS? Not now, ross."))
    ross = ours.hide("Ross")
    assert ross != "Ross" and ours.label("Ross") == ross
    hidden = ours.hide("Ross told Monica: it is Ross's. ROSS! ross, Ross’ car, Ross-like.")
    assert "ross" not in hidden.lower() and "monica" not in hidden.lower()
    assert hidden.count(ross) == 4 and ross.upper() in hidden and ross.lower() in hidden
    assert ours.show(hidden) == "Ross told Monica: it is Ross's. ROSS! ross, Ross’ car, Ross-like."


def test_all_forms_of_a_name_are_one_person_and_families_are_families():
    ours = others(("Monica", "I am a Geller."), ("Phoebe", "Mon, the Gellers are here."))
    assert ours.hide("Mon") == ours.hide("Monica") and ours.show(ours.hide("Mon")) == "Monica"
    family = ours.hide("Geller")
    assert family != "Geller" and ours.hide("The Gellers!") == f"The {family}s!"


def test_whoever_speaks_is_called_otherwise_though_no_table_knows_them():
    ours = others(("Marta", "Hello."), ("Mr. Zelenka", "Marta, I am Zelenka."))
    assert ours.label("Mr. Zelenka").startswith("Mr. ") and "Zelenka" not in ours.label("Zelenka")
    assert "Marta" not in ours.hide("Marta!")


@pytest.mark.parametrize(
    "label", ["The Waiter", "Woman On Train", "All", "Fireman No. 3", "A Student", "#ALL#"]
)
def test_a_part_in_a_scene_is_no_name(label):
    assert others((label, "Here you are.")).label(label) == label


def test_people_who_speak_together_are_called_as_they_are_alone():
    ours = others(("Ross and Monica", "Surprise!"), ("Joey/Drake", "What?"))
    assert ours.label("Ross and Monica") == f"{ours.label('Ross')} and {ours.label('Monica')}"
    assert "Joey" not in ours.label("Joey/Drake")
    twin = others(("Ross", "Oh."), ("Joey's Hand Twin", "Hi."))
    assert twin.label("Joey's Hand Twin").endswith("'s Hand Twin")
    assert "Joey" not in twin.label("Joey's Hand Twin")


@pytest.mark.parametrize(
    "text",
    [
        "Will you come?",
        "Will Monica come?".replace("Monica", "anybody"),
        "I will.",
        "WILL YOU COME?",
        "Grace under pressure. No chance, no hope.",
        "Hope is all we have.",
    ],
)
def test_a_name_that_is_a_word_too_stays_where_it_is_a_word(text):
    assert others(("Will", "Hi."), ("Grace", "Hi."), ("Hope", "Hi.")).hide(text) == text


@pytest.mark.parametrize(
    "text", ["Will, come here.", "Ask Will first.", "Will's here.", "Will!", "WILL!", "Come, Will."]
)
def test_a_name_that_is_a_word_too_is_another_one_where_it_is_a_name(text):
    ours = others(("Will", "Hi."))
    assert "will" not in ours.hide(text).lower()
    assert ours.show(ours.hide(text)) == text


def test_a_name_that_somebody_has_is_not_given_out():
    taken = [name for name in SCRIPT.instead if name != "Toby"]
    ours = others(("Ross", f"I know {' and '.join(taken)}."))
    assert ours.hide("Ross") == "Toby"


def test_somebody_who_is_called_as_one_was_named_is_called_otherwise():
    first = others(("Ross", "Hello."))
    given = first.hide("Ross")
    ours = others(("Ross", "Hello."), ("Marta", f"{given} was here, {given.lower()}!"))
    assert ours.hide("Ross") == given
    assert ours.hide(given) not in (given, ours.hide("Marta"))
    assert ours.show(ours.hide(f"Ross, {given} and Marta")) == f"Ross, {given} and Marta"


def test_where_no_name_is_left_the_own_one_stays():
    people = [
        (f"Q{'abcdefghijklmnopqrstuvwxyz'[n % 26] * (2 + n // 26)}", "Hi.") for n in range(60)
    ]
    ours = others(*people)
    assert len({ours.label(who) for who, _ in people}) == 60
    assert ours.label(people[-1][0]) == people[-1][0]


LINES = st.lists(
    st.tuples(
        st.sampled_from(["Ross", "Monica", "Will", "Ross and Will", "The Waiter", None]),
        st.lists(
            st.sampled_from(
                "Ross ross ROSS Will will Monica's Gellers Alex Jordan, well. Mark! Rachel? Pheebs"
                " the a I’m don't 😂".split()
            ),
            max_size=8,
        ).map(" ".join),
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.integers(1, 12))
def test_what_is_said_later_changes_no_name(lines, count):
    """The names of a dialogue's beginning are those of the whole, for whom it knows by then."""
    begun, whole = others(*lines[:count]), others(*lines)
    for name, other in begun._other.items():
        assert whole._other[name] == other
    assert len(set(whole._other.values())) == len(whole._other)


@given(LINES)
def test_a_text_with_other_names_comes_back_as_it_was(lines):
    ours = others(*lines)
    for _, text in lines:
        back = ours.show(ours.hide(text))
        assert back.lower().replace("pheebs", "phoebe") == text.lower().replace("pheebs", "phoebe")


def test_dialogues_have_names_of_their_own():
    found = {
        OtherNames(SCRIPT, told(("Ross", "Hi."), dialogue=str(n))).label("Ross") for n in range(20)
    }
    assert len(found) > 10


def test_no_request_has_a_name_of_the_script():
    lines = [
        ("Ross", "Monica, Chandler is here."),
        ("Monica and Rachel", "Hi, Ross Geller!"),
        ("Chandler", "Could Joey BE any later?"),
        ("Monica", "Pheebs, help."),
    ]
    bad = {"monica", "ross", "chandler", "rachel", "joey", "pheebs", "geller"}
    rejected = Note(
        reply=_reply("Ross, breathe. Monica is right here with you."), reasons=("Bad.",)
    )
    for persona in ("assistant", "addressee"):
        one = last(lines, 2, persona)
        ours = drafter(persona, notes={one.id: (rejected,)})
        request = ours.first_request(one)
        steps = ours.steps(one, request)
        next(steps)
        again = steps.send(Answer("ok", answer_text(text="Tell Chandler, Ross. **Now**!")))
        said = " ".join(m["content"] for m in again.messages if m["content"][0] != "{").lower()
        earlier = request.messages[2]["content"].lower()
        assert not [name for name in bad if name in said + earlier]
        assert "season" not in said and "episode" not in said


def _reply(text: str) -> dict:
    return {
        "text": text,
        "emotion": "neutral",
        "strategies": ["validation"],
        "awareness": {"act": "acknowledges", "emotions": ["sadness"]},
    }


def test_the_answer_is_checked_and_kept_with_the_own_names():
    one = last([("Ross", "My sister left."), ("Monica", "I lost the shop, Ross.")])
    ours = drafter()
    first = ours.first_request(one)
    other = first.messages[1]["content"].split("shop, ")[1].split(".")[0]
    assert other != "Ross"
    steps = ours.steps(one, first)
    next(steps)
    reply = _reply(f"That shop was yours for so long, and {other} knows it too.")
    with pytest.raises(StopIteration) as ended:
        steps.send(Answer("ok", answer_text(**reply)))
    draft = ended.value.value
    assert isinstance(draft, Draft)
    assert draft.reply["text"] == "That shop was yours for so long, and Ross knows it too."
    assert not draft.coercions


def test_who_keeps_the_names_is_asked_with_them():
    one = last([("Ross", "My sister left."), ("Monica", "I lost the shop, Ross.")])
    kept = Drafter("a-model", "assistant", "voice", Sampling()).first_request(one)
    assert 'Monica, now: "I lost the shop, Ross."' in kept.messages[1]["content"]


def test_only_scripts_have_other_names_and_each_has_its_tables():
    scripted = {slug: load_card(slug) for slug in slugs() if load_card(slug).scripted}
    assert {*scripted} == {"meld", "meld_dyadic", "emorynlp"}
    for card in scripted.values():
        assert card.speakers_have_names and load_names(card.scripted, card.language).instead


def test_names_to_give_out_are_no_words_and_nobodys():
    given = [name.lower() for name in SCRIPT.instead]
    assert len(given) == len(set(given)) >= 30
    assert not set(given) & (SCRIPT.known.keys() | SCRIPT.words["role"] | SCRIPT.words["title"])
    assert not set(given) & SCRIPT.words["ordinary"]


def test_a_form_of_two_people_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "names"
    (folder / "en").mkdir(parents=True)
    (folder / "en" / "words.tsv").write_text("group\twords\ninstead\tAlex\n")
    (folder / "play.tsv").write_text("name\talso\nMarta\tMa\nMaria\tMa\n")
    monkeypatch.setattr(names.resources, "prompts", lambda: tmp_path)
    with pytest.raises(LabelError, match="each form of one person; ma is marta's"):
        load_names("play", "en")


def test_a_target_without_turns_or_speaker_has_a_prompt():
    one = target(1, utterance=utterance(1, speaker=None, text="😂😂😂"))
    assert 'Speaker, now: "😂😂😂"' in drafter().first_request(one).messages[1]["content"]


def test_a_text_without_names_is_not_looked_through_word_by_word(monkeypatch):
    called = others(("Monica", "Chandler, sit down."), ("Chandler", "No."))
    hidden = called.hide("Chandler said so.")
    for name in ("_hidden", "_shown", "_is_name"):
        monkeypatch.setattr(OtherNames, name, lambda *_: pytest.fail("looked at a word"))
    text = "Nothing of this is about anybody."
    assert called.hide(text) == called.show(text) == text
    assert called.go_on([*called._said, *told(("Monica", text))])
    assert "Chandler" not in hidden
