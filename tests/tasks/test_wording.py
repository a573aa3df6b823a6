import pytest

from builders.tasks.reply.checks.wording import count_words, shares_run


@pytest.mark.parametrize(
    ("one", "other", "length", "shares"),
    [
        ("She says we are done here.", "We’re done. We are done here!", 4, True),
        ("We are done, here", "we are DONE here", 4, True),
        ("we are done", "we are done here", 4, False),
        ("Don't go, now!", "I said don’t go now", 3, True),
        ("", "anything", 1, False),
    ],
)
def test_words_in_a_row_are_found_whatever_stands_between(one, other, length, shares):
    assert shares_run(one, other, length) is shares


def test_words_are_counted_without_what_stands_between():
    assert count_words("Well — don't, 2 times!") == 4
