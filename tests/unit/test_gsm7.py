"""Room on a screen."""

from juapesa.ussd.gsm7 import fits, fold, septets


def test_basic_characters_cost_one_septet() -> None:
    assert septets("Tuma pesa @ 100%\n") == 17


def test_extension_characters_cost_two() -> None:
    assert septets("^{}\\[~]|€") == 18


def test_one_foreign_character_turns_the_screen_to_ucs2() -> None:
    assert septets("ọjà") is None
    assert fits("ọ" * 70, 160)
    assert not fits("ọ" * 71, 160)


def test_an_emoji_counts_two_units() -> None:
    assert fits("ọ" + "😀" * 34, 160)
    assert not fits("ọ" + "😀" * 35, 160)


def test_the_limit_is_in_septets() -> None:
    assert fits("a" * 160, 160)
    assert not fits("a" * 159 + "€", 160)


def test_folding_leaves_nothing_outside_gsm7() -> None:
    assert fold("Don’t “pay” ₦5 – ọ😀…") == 'Don\'t "pay" N5 - ??...'
    assert septets(fold("日本語 ọ ẹ ṣ")) is not None
