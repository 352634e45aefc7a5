"""Powers of numbers with eighteen decimals, bit for bit as solady's FixedPointMathLib computes them.

Constants and order of operations are those of solady 0.1.26 (MIT licence; the method is Remco Bloemen's,
https://2π.com/22/exp-ln): a power of two taken out, the rest by a rational approximation in units of 2^-96.
Python's ``>>`` rounds down as the EVM's ``sar`` does; ``_div`` cuts towards zero as ``sdiv`` does.
"""

WAD = 10**18
_LN2_96 = 54916777467707473351141471128
_EXP_MIN = -41446531673892822313  # below it the result is less than half a unit
_EXP_P = (1346386616545796478920950773328, 57155421227552351082224309758442)
_EXP_Q = (
    50020603652535783019961831881945,
    -533845033583426703283633433725380,
    3604857256930695427073651918091429,
    -14423608567350463180887372962807573,
    26449188498355588339934803723976023,
)
_EXP_SCALE = 3822833074963236453042738258902158003155416615667
_LN_P = (
    24828157081833163892658089445524,
    43456485725739037958740375743393,
)
_LN_Q = (
    71694874799317883764090561454958,
    283447036172924575727196451306956,
    401686690394027663651624208769553,
    204048457590392012362485061816622,
    31853899698501571402653359427138,
    909429971244387300277376558375,
)
_LN_SCALE = 1677202110996718588342820967067443963516166
_LN_LN2 = 16597577552685614221487285958193947469193820559219878177908093499208371
_LN_BASE = 600920179829731861736702779321621459595472258049074101567377883020018308


def pow_wad(base: int, exponent: int) -> int:
    """base^exponent, all three × 10^18; base above zero."""
    return exp_wad(_div(ln_wad(base) * exponent, WAD))


def exp_wad(x: int) -> int:
    """e^x, both × 10^18. Below 135 × 10^18, where the EVM's word ends."""
    if x <= _EXP_MIN:
        return 0
    x = _div(x << 78, 5**18)
    k = (_div(x << 96, _LN2_96) + 2**95) >> 96
    x -= k * _LN2_96
    y = x + _EXP_P[0]
    y = ((y * x) >> 96) + _EXP_P[1]
    p = y + x - 94201549194550492254356042504812
    p = ((p * y) >> 96) + 28719021644029726153956944680412240
    p = p * x + (4385272521454847904659076985693276 << 96)
    q = x - 2855989394907223263936484059900
    for constant in _EXP_Q:
        q = ((q * x) >> 96) + constant
    return (_div(p, q) * _EXP_SCALE) >> (195 - k)


def ln_wad(x: int) -> int:
    """ln x, both × 10^18; x above zero."""
    shift = 256 - x.bit_length()
    x = (x << shift) >> 159
    p = x + 3273285459638523848632254066296
    for constant in _LN_P:
        p = ((p * x) >> 96) + constant
    p = ((p * x) >> 96) - 11111509109440967052023855526967
    p = ((p * x) >> 96) - 45023709667254063763336534515857
    p = ((p * x) >> 96) - 14706773417378608786704636184526
    p = p * x - (795164235651350426258249787498 << 96)
    q = x + 5573035233440673466300451813936
    for constant in _LN_Q:
        q = ((q * x) >> 96) + constant
    return (_LN_SCALE * _div(p, q) + _LN_LN2 * (159 - shift) + _LN_BASE) >> 174


def _div(numerator: int, denominator: int) -> int:
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
