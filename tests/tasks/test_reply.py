import pytest
from invented import HAPPY, SAD, answer_text, reply

from builders.labels import strategies, vocabulary
from builders.record.schema import Validator, narrowed_reply
from builders.record.types import Emotions
from builders.tasks.reply.checks.reading import Reply, coerce, read_answer, rule_faults
from builders.tasks.reply.checks.rules import WORDS


def read(text: str, emotions=HAPPY):
    """Read an answer as a request about this label would."""
    allowed = strategies.allowed(emotions, 2)
    checker = Validator(narrowed_reply(allowed, vocabulary.allowed_emotions(emotions)))
    return read_answer(text, checker, emotions)


def codes(text: str, emotions=HAPPY) -> list[str]:
    faults = read(text, emotions)
    assert isinstance(faults, list) and faults
    return [fault.code for fault in faults]


def text_faults(text: str):
    """Return what is refused in a reply that is fine but for its text."""
    return rule_faults(reply(text=text), HAPPY)


def test_a_good_answer_is_accepted_as_it_is():
    assert read(answer_text()) == Reply(reply(), [])


def test_case_blanks_and_aliases_are_rewritten_and_recorded():
    text = answer_text(
        text="  What a lovely\tsurprise that  is! ",
        emotion=" Joy",
        strategies=["Praise ", "Open question"],
        awareness={"act": "Celebrates ", "emotions": ["Happy"]},
    )
    accepted = read(text)
    assert accepted.document == reply(
        text="What a lovely surprise that is!", strategies=["celebration", "open_ended_questioning"]
    )
    assert accepted.coercions == [
        {
            "field": "text",
            "from": "  What a lovely\tsurprise that  is! ",
            "to": "What a lovely surprise that is!",
        },
        {"field": "strategies", "from": "Praise ", "to": "celebration"},
        {"field": "strategies", "from": "Open question", "to": "open_ended_questioning"},
        {"field": "awareness.act", "from": "Celebrates ", "to": "celebrates"},
        {"field": "awareness.emotions", "from": "Happy", "to": "happiness"},
        {"field": "emotion", "from": " Joy", "to": "happiness"},
    ]


def test_one_string_for_a_list_is_taken_apart_and_recorded():
    given = {"strategies": "celebration_then_inquiry", "awareness": "names_pride_and_happiness"}
    accepted = read(answer_text(**given))
    assert accepted.document["strategies"] == ["celebration", "inquiry"]
    assert accepted.document["awareness"] == {"act": "names", "emotions": ["pride", "happiness"]}
    assert [(c["field"], c["from"]) for c in accepted.coercions] == list(given.items())


def test_a_leaf_stands_for_its_root_as_the_emotion_of_the_reply():
    accepted = read(answer_text(emotion="proud"))
    assert accepted.document["emotion"] == "happiness"
    assert accepted.coercions == [{"field": "emotion", "from": "proud", "to": "happiness"}]


def test_an_alias_means_what_suits_the_valence_of_the_target():
    for emotions, meant in ((HAPPY, "inquiry"), (SAD, "open_ended_questioning")):
        document = reply(strategies=["question"])
        coerce(document, emotions)
        assert document["strategies"] == [meant]


def test_words_without_an_alias_and_wrong_types_are_left_for_the_schema():
    document = reply(text=3, emotion=["joy"], strategies=["dancing", 4], awareness=None)
    before = {**document}
    assert coerce(document, HAPPY) == []
    assert document == before


@pytest.mark.parametrize("text", ["", "I am glad for you.", "[1]", '"text"', "{", "null", "NaN"])
def test_what_is_no_json_object_is_a_fault_of_its_own(text):
    assert codes(text) == ["not_json"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"text": None}, "schema"),
        ({"text": ""}, "schema"),
        ({"mood": "good"}, "schema"),
        ({"emotion": "no_such_word"}, "schema"),
        ({"strategies": []}, "schema"),
        ({"strategies": ["dancing"]}, "strategy_not_allowed"),
        ({"strategies": ["de_escalation"]}, "strategy_not_allowed"),
        ({"awareness": {"act": "denies", "emotions": ["happiness"]}}, "schema"),
        ({"awareness": {"act": "names", "emotions": ["sadness"]}}, "emotion_out_of_line"),
        ({"awareness": {"act": "names", "emotions": ["no_such_word"]}}, "emotion_out_of_line"),
        ({"awareness": {"act": "names", "emotions": ["joy", "happy"]}}, "emotion_repeated"),
        ({"strategies": ["celebration", "praise"]}, "strategy_order"),
        ({"strategies": ["inquiry", "celebration"]}, "strategy_order"),
        ({"strategies": ["inquiry", "clarification"]}, "strategy_order"),
        ({"text": "Oh, well."}, "length"),
        ({"text": "What a day! Visit www.example.org soon."}, "not_speakable"),
    ],
)
def test_a_fault_has_the_code_that_rejects_are_counted_by(changes, code):
    assert codes(answer_text(**changes))[0] == code


def test_a_missing_field_is_named():
    (fault,) = read('{"text": "What a lovely day!", "emotion": "joy", "strategies": ["inquiry"]}')
    assert fault.code == "schema"
    assert '"awareness" is a required property' in fault.sentence


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["redirection"], "redirection must not stand alone"),
        (["redirection", "validation"], "redirection must not come first"),
        (["problem_solving", "validation"], "problem_solving must not come first"),
        (["clarification", "validation"], "clarification asks a question, so it must come last"),
    ],
)
def test_strategies_come_in_an_order_that_a_sad_speaker_can_bear(named, words):
    sad = {
        "text": "You rowed all that way for her, and she never came.",
        "emotion": "sadness",
        "awareness": {"act": "acknowledges", "emotions": ["sadness"]},
    }
    (fault,) = read(answer_text(strategies=named, **sad), SAD)
    assert words in fault.sentence
    turned = ["validation", *(name for name in named if name != "validation")]
    assert isinstance(read(answer_text(strategies=turned, **sad), SAD), Reply)


def test_a_reply_has_3_to_60_words():
    assert WORDS == (3, 60)
    for count, accepted in ((2, False), (3, True), (60, True), (61, False)):
        faults = [one for one in text_faults(" ".join(["word"] * count)) if one.code == "length"]
        assert (faults == []) == accepted
        if not accepted:
            assert faults[0].sentence == f"text: it has {count} words; a reply has 3 to 60"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Two ways out:\none is to wait.", "a line break"),
        ("- take the boat home now", "a list"),
        ("1. Take the boat home now.", "a list"),
        ("• take the boat home now", "a list"),
        ("Read https://example.org about it.", "a link"),
        ("Read example.com about it tonight.", "a link"),
        ("Write to help@example about it.", "an address"),
        ("That is **so** good to hear.", "markdown"),
        ("That is _so_ good to hear.", "markdown"),
        ("That is *so* good to hear.", "markdown"),
        ("That is `so` good to hear.", "markdown"),
        ("## That is good to hear.", "markdown"),
        ("That is ~~bad~~ good to hear.", "markdown"),
        ("That is good | to hear.", "markdown"),
        ("See [this page](there) about it.", "markdown"),
        ("(sighs) That is hard to hear.", "a stage direction"),
        ("(Sighs deeply) That is hard to hear.", "a stage direction"),
        ("[laughs] That is good to hear.", "a stage direction"),
        ("*sighs That is hard to hear.", "a stage direction"),
        ("<break/> That is hard to hear.", "a stage direction"),
        ("That is good \x07 to hear.", "a control character"),
        ("That is good \x9f to hear.", "a control character"),
        ("That is good \ufffd to hear.", "a control character"),
        ("That is good to hear 🎉", "an emoji"),
        ("That is good to hear ❤️", "an emoji"),
        ("That is good → to hear.", "an emoji"),
        ("That is good to hear :)", "an emoticon"),
        ("That is good to hear :-D.", "an emoticon"),
        ("That is hard to hear;( is it?", "an emoticon"),
    ],
)
def test_what_nobody_can_speak_is_refused_by_its_name(text, what):
    faults = text_faults(text)
    assert any(what in fault.sentence for fault in faults), faults
    assert {fault.code for fault in faults} == {"not_speakable"}


@pytest.mark.parametrize(
    "text",
    [
        "Well-earned, I'd say - and so very you!",
        'She said "no" – and you stayed – that is brave.',
        "At half past three — or 3.5 hours later, say, at 8 o'clock?",
        "It took 83 days, about 40% of the year; it cost $12.50, didn't it?",
        "Zoë, José and 李雷 will be glad… won't they?",
        "ශ්‍රී is a name that I like a lot.",
        "So: one more time, and then (if you still want to rest) we stop.",
        "Mr. Lund & his dog aren't here, are they? #1 fan, though!",
        "See you at 8 p.m., or on 4/5, whichever suits you.",
        "2 of them left, 8 d'Artagnans stayed.",
    ],
)
def test_ordinary_speech_passes(text):
    assert text_faults(text) == []


def test_every_fault_of_a_text_is_named():
    faults = text_faults("**Oh** 🎉")
    assert [fault.code for fault in faults] == ["length", "not_speakable", "not_speakable"]


@pytest.mark.parametrize(
    "text",
    [
        "Your pitch is high, so this must matter to you.",
        "Your voice sounds a little higher than usual today.",
        "I notice that your voice is getting louder now.",
        "You're speaking very fast, take your time.",
        "You are talking so quietly that I worry about you.",
        "The tone of your voice tells me how upset you are.",
        "There are many pauses in your speech, what is it?",
        "Your speaking rate went up when you mentioned him.",
        "That was said in a high-pitched way, was it not?",
        "You sound much slower than before, are you tired?",
        "Your voice’s volume dropped when you said his name.",
    ],
)
def test_a_reply_that_talks_of_how_the_voice_measures_is_refused(text):
    assert [fault.code for fault in text_faults(text)] == ["acoustic_talk"]


@pytest.mark.parametrize(
    "text",
    [
        "You sound tired, and no wonder after such a week.",
        "I can hear how much this hurts you.",
        "Raising your voice at them would not have helped, you know.",
        "Your sales pitch went well, and they loved it!",
        "Let's take this slowly, you have time for all of it.",
        "Keep your volume of poems close tonight, it clearly helps.",
        "You talk about him so warmly that I would like to meet him.",
        "Somebody should hear your voice in that meeting too.",
        "Your tone with him was fair, if you ask me.",
    ],
)
def test_a_reply_may_hear_the_person(text):
    assert "acoustic_talk" not in [fault.code for fault in text_faults(text)]


CALM = Emotions("neutral", "neutral", "neutral", "low")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("You sound sad about the time.", "sad"),
        ("I hear how Upset you are.", "Upset"),
        ("That must be on your nerves by now.", "on your nerves"),
        ("Tell me about your feelings today.", "feelings"),
    ],
)
def test_to_a_neutral_twin_no_feeling_is_named(text, words):
    answer = answer_text(
        text=text,
        emotion="neutral",
        strategies=["mindful_presence"],
        awareness={"act": "respects", "emotions": ["neutral"]},
    )
    assert isinstance(read(answer, CALM), Reply), "to somebody who is only neutral it may be"
    checker = Validator(narrowed_reply(strategies.allowed(CALM, 2), ["neutral"]))
    (fault,) = read_answer(answer, checker, CALM, neutral_twin=True)
    assert fault.code == "feeling_named"
    assert f"({words!r})" in fault.sentence and "name no feeling" in fault.sentence


@pytest.mark.parametrize("text", ["Eleven it is. What happens then?", "The maddening crowd left."])
def test_words_that_only_look_like_a_feeling_are_let_through(text):
    assert vocabulary.feelings().named_in(text) is None


def test_awareness_of_a_neutral_speaker_names_nothing_but_neutral():
    compound = Emotions("neutral", "neutral", "neutral", "low", alternatives=("sadness",))
    assert vocabulary.allowed_emotions(compound) == ("neutral",)
