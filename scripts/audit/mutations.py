"""Small faults put into Solidity, one at a time: what `mutate.py` asks the tests to notice.

Text in, mutants out; no compiler. Comments, strings, imports and pragmas are left alone. A mutant that does
not compile is no loss: the compiler noticed it. Assembly has faults of its own kind: there an operator is the
name of a function, and a statement ends with its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HIDDEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\brevert\(0, 0\)|\b(?:import|pragma|using|error|event)\b[^;]*;',
    re.DOTALL,
)
# An operator with spaces around it, as forge fmt writes binary ones, and what it becomes.
_SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "%": "*",
    "&&": "||",
    "||": "&&",
    "+=": "-=",
    "-=": "+=",
}
_OPERATOR = re.compile(r"(?<=\s)(<=|>=|==|!=|&&|\|\||\+=|-=|<|>|\+|-|\*|/|%)(?=\s)")
_WORDS = {
    r"\btrue\b": "false",
    r"\bfalse\b": "true",
    r"Math\.min\b": "Math.max",
    r"Math\.max\b": "Math.min",
    r"Rounding\.Ceil\b": "Rounding.Floor",
    r"(?<=[\s(])!(?=[a-zA-Z_(])": "",
    r"\bmsg\.sender\b": "address(this)",
}
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:e\d+)?(?: (?:hours|days|seconds))?\b(?!\s*;\s*//\s*SPDX)")
_MODIFIER = re.compile(r"(?<=\n)[ ]+(nonReentrant|restricted|only\w+|onTime\([^)]*\))(?=\n)")
# Whole statements at the start of a line, but no declarations and no returns.
_STATEMENT = re.compile(
    r"(?<=\n)[ ]+(if \([^;{}]*\) (?:revert|return)\b[^;{}]*;|(?:emit|delete)\b[^;{}]*;"
    r"|[A-Za-z_][\w.\[\]()]*(?:\.\w+)?\([^;{}]*\);|[a-z_][\w.\[\]]* [-+|]?= [^;{}]*;|\([^;{}=]*\) = [^;{}]*;)"
)

_ASSEMBLY = re.compile(r"\bassembly \([^)]*\) \{")
# In assembly: functions that become another, and those whose answer is turned round (a < b: not a > b).
_CALLS = {
    "add": "sub",
    "sub": "add",
    "mul": "div",
    "div": "mul",
    "and": "or",
    "or": "and",
    "shl": "shr",
    "shr": "shl",
}
_TURNED = {"lt": "gt", "gt": "lt", "slt": "sgt", "sgt": "slt", "eq": "eq"}
_CALL = re.compile(rf"\b({'|'.join([*_CALLS, *_TURNED, 'iszero'])})\(")
_LINE = re.compile(
    r"(?<=\n)[ ]+((?:[ms]store8?|calldatacopy|mcopy)\([^\n]*\)|[a-z]\w* := [^\n]*|if [^\n]*\})(?= *\n)"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: the text from ``start`` to ``end`` becomes ``new``."""

    start: int
    end: int
    old: str
    new: str

    def applied(self, source: str) -> str:
        """The whole faulty source."""
        return source[: self.start] + self.new + source[self.end :]

    def line(self, source: str) -> int:
        """The line of the fault, from 1."""
        return source.count("\n", 0, self.start) + 1

    def described(self) -> str:
        """For a list of survivors."""
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{old}  =>  {new}" if new else f"without  {old}"


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a file, in order of place."""
    visible = _HIDDEN.sub(_blank, source)
    found = [
        *_swapped(visible),
        *_numbers(visible),
        *_floored(visible),
        *_dropped(visible),
        *_assembled(visible),
    ]
    return sorted(set(found), key=lambda each: (each.start, each.end, each.new))


def _blank(hidden: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", hidden.group())


def _swapped(visible: str) -> Iterator[Mutant]:
    for match in _OPERATOR.finditer(visible):
        yield _mutant(match, 0, _SWAPS[match.group()])
    for pattern, new in _WORDS.items():
        for match in re.finditer(pattern, visible):
            yield _mutant(match, 0, new)


def _numbers(visible: str) -> Iterator[Mutant]:
    for match in _NUMBER.finditer(visible):
        number = match.group().replace("_", "")
        if number.isdecimal():
            # As a literal: assembly knows no sums.
            yield _mutant(match, 0, str(int(number) + 1))
        elif (scientific := number.partition("e"))[2].isdecimal():
            yield _mutant(match, 0, f"{scientific[0]}e{int(scientific[2]) + 1}")
        else:
            yield _mutant(match, 0, f"({match.group()} + 1)")


def _floored(visible: str) -> Iterator[Mutant]:
    """``Math.ceilDiv(a, b)`` with the wrong rounding."""
    for match in re.finditer(r"Math\.ceilDiv\(", visible):
        first, second, end = _two_arguments(visible, match.end())
        old = visible[match.start() : end]
        yield Mutant(match.start(), end, old, f"(({first}) / ({second}))")


def _two_arguments(text: str, start: int) -> tuple[str, str, int]:
    depth, comma = 0, start
    for at in range(start, len(text)):
        if text[at] == ")" and depth == 0:
            return text[start:comma], text[comma + 1 : at], at + 1
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        comma = at if text[at] == "," and depth == 0 else comma
    raise ValueError("a call that does not end")


def _dropped(visible: str) -> Iterator[Mutant]:
    for pattern in (_STATEMENT, _MODIFIER):
        for match in pattern.finditer(visible):
            yield _mutant(match, 1, "")


def _assembled(visible: str) -> Iterator[Mutant]:
    """Faults of assembly."""
    for begin in _ASSEMBLY.finditer(visible):
        start, end = begin.end() - 1, _closing(visible, begin.end() - 1)
        for match in _CALL.finditer(visible, start, end):
            name, after = match.group(1), _closing(visible, match.end() - 1) + 1
            old = visible[match.start() : after]
            inner = old[len(name) :]
            if name == "iszero":
                yield Mutant(match.start(), after, old, inner[1:-1])
            elif name in _CALLS:
                yield Mutant(match.start(), match.end(), match.group(), _CALLS[name] + "(")
            else:
                yield Mutant(match.start(), after, old, f"iszero({_TURNED[name]}{inner})")
        for match in _LINE.finditer(visible, start, end):
            yield _mutant(match, 1, "")


def _closing(text: str, start: int) -> int:
    """Where the bracket at `start` is closed."""
    opening, closing = text[start], {"(": ")", "{": "}"}[text[start]]
    depth = 0
    for at in range(start, len(text)):
        depth += {opening: 1, closing: -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise ValueError("a bracket that is not closed")


def _mutant(match: re.Match[str], group: int, new: str) -> Mutant:
    return Mutant(match.start(group), match.end(group), match.group(group), new)
