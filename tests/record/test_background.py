"""What is said of a background, by its origin."""

import pytest
from invented import full_record

from builders.record.background import people, sayable, without_people
from builders.record.messages import messages

SCENE = "Season 3, episode 12, scene 4. Present: Marta, Jonas, Priya, Marta and Priya."


@pytest.mark.parametrize(
    ("text", "origin", "said"),
    [
        (SCENE, "scene", "Present: Marta, Jonas, Priya."),
        ("Season 1, episode 2. Present: Ross and Mona.", "scene", "Present: Ross, Mona."),
        ("Season 1, episode 2.", "scene", None),
        ("Season 1, episode 2. Present: Dr. Long, Ross.", "scene", "Present: Dr. Long, Ross."),
        ("Two people at a pier.", "scene", "Two people at a pier."),
        ("You want a cheap hotel in the north.", "goal", None),
        ("I lost my wallet.", "situation", "I lost my wallet."),
        ("They meet after years.", "scenario", "They meet after years."),
        ("The ferry was late.", "summary", "The ferry was late."),
        (None, None, None),
        ("", "scene", None),
    ],
)
def test_a_background_is_said_without_numbers_goals_and_twice_named_people(text, origin, said):
    assert sayable(text, origin) == said


def test_who_is_present_can_be_left_out():
    assert without_people(SCENE, "scene") is None
    assert without_people("It rains. Present: Dr. Long, Ross.", "scene") == "It rains."
    assert without_people("Present: all of me.", "situation") == "Present: all of me."
    assert people("Marta, Jonas and Priya, Marta & Jonas") == ["Marta", "Jonas", "Priya"]


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ("scene", "Scene: Present: Marta, Jonas, Priya."),
        ("situation", f"What the speaker wrote before: {SCENE}"),
        ("summary", f"Before this: {SCENE}"),
        ("goal", None),
    ],
)
def test_an_exported_prompt_names_the_background_by_its_origin(origin, line):
    sample = full_record() | {"background": {"text": SCENE, "origin": origin}}
    said = messages(sample, instruction=None, system=None, mark=None)[0]["content"]
    first = said.splitlines()[0]
    assert first == line if line else first.startswith("Earlier: ")
    assert ("eason 3" in said) == (origin in ("situation", "summary"))
