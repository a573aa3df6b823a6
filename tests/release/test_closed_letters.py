"""Closed words in scripts that put no spaces between words."""

from __future__ import annotations

import pytest

from builders.release.eligibility import ClosedTexts
from builders.tasks.reply.checks.wording import count_words, shares_run

CHINESE = "昨天晚上我的小狗走丢了，我找了它一整夜。"
JAPANESE = "昨日の夜、うちの犬がいなくなって、一晩中探していました。"
THAI = "เมื่อคืนนี้หมาของฉันหายไปและฉันตามหามันทั้งคืน"
MIXED = "老板说 the quarterly review 推迟到下周五了，真糟糕。"


def closed(*texts: str) -> ClosedTexts:
    found = ClosedTexts()
    found._close(list(texts))
    return found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (CHINESE, "她说：我的小狗走丢了，我找……真可怜"),
        (CHINESE, "我 的 小 狗 走 丢 了 我 找"),  # letters apart
        (CHINESE, "I heard: 我的小狗走丢了我找了它"),
        (JAPANESE, "そうか、うちの犬がいなくなって、一晩中か。"),
        (JAPANESE, "夜うちの犬がいなくなって一晩"),
        (THAI, "โอ้ หมาของฉันหายไปและฉันตามหามัน จริงหรือ"),
        (MIXED, "听说 the quarterly review 推迟到下周"),
        ("I lost my dog last night.", "So: I LOST my dog, last night!"),
    ],
)
def test_a_part_as_long_as_five_words_does_not_go_out(text, part):
    assert closed(text).quotes({"reply": {"text": part}})


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (CHINESE, "我的小狗很好，谢谢你关心。"),  # four letters alike
        (CHINESE, "昨天晚上我去看电影了。"),  # five
        (JAPANESE, "昨日の夜、映画を見ていました。"),
        (THAI, "เมื่อคืนนี้ฉันนอนไม่หลับ"),
        (MIXED, "老板说 the annual review 取消了。"),
        (CHINESE, ""),
        (CHINESE, "I lost my dog last night, and looked for it."),
    ],
)
def test_what_two_texts_share_by_chance_goes_out(text, other):
    assert not closed(text).quotes([other])


def test_eight_chinese_letters_are_five_words_and_seven_are_not():
    assert closed("一二三四五六七八九").quotes("二三四五六七八九")
    assert not closed("一二三四五六七八九").quotes("二三四五六七八")


def test_captions_and_replies_are_compared_in_the_same_way():
    assert shares_run(CHINESE, "我的小狗走丢了，我找", 5)
    assert not shares_run(CHINESE, "我的小狗", 5)
    assert count_words("我的小狗走丢了。") == 4
    assert count_words("My dog isn't here.") == 4
