"""Receipt codes can be read aloud and mistyped."""

from hypothesis import given
from hypothesis import strategies as st

from juapesa.payments.codes import ALPHABET, new_code, read_code


@given(st.data())
def test_a_code_reads_back_however_it_is_typed(data: st.DataObject) -> None:
    code = new_code()
    typed = data.draw(st.sampled_from([code, code.lower(), f" {code} ", f"{code[:5]}-{code[5:]}"]))
    assert read_code(typed) == code


@given(st.integers(0, 9), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(at: int, wrong: str) -> None:
    code = new_code()
    mistyped = code[:at] + wrong + code[at + 1 :]
    zero_for_z = {code[at], wrong} == {"0", "Z"}
    assert mistyped == code or zero_for_z or read_code(mistyped) is None


def test_what_is_no_code_is_none() -> None:
    for text in ("", "ABC", "ABCDEFGHJK1", "🌞" * 10, "<script>al", "' OR 1=1 --"):
        assert read_code(text) is None
