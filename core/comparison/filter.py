r"""A small language for filtering a table of runs: terms separated by blanks, all of which must hold.

    digits "my run"           a word in the title, label, run id, status, note, comment or a tag
    depth=4  kind!=dense      equal to a value, or not
    data=digits|wine          equal to one of several values
    lr<=0.01  seed=0..4       a comparison, or a range that includes both ends
    tag=talk  comment=none    has the tag; has no comment

A field is a column of the run table, or the last part of its name if that is unique: `depth` is `net.depth`. Text is
compared without regard to case. Double quotes allow blanks and operators in a value; within them, write `\"`, `\\`, `\n`,
`\r` and `\t` for a quote, a backslash, a new line, a return and a tab. `none` without quotes matches missing and empty
values.
"""

import difflib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.comparison.table import COLUMNS, NAME_FIELDS, TEXT_FIELDS, plain, run_table
from leafscope.core.datasets.registry import data_words
from leafscope.core.store.values.summaries import RunSummary

TERMS = 200
"""Most terms of a filter; usual filters have a few."""

SEARCHED = ("title", "label", "run_id", "status", "note", "comment")
"""Columns, in addition to the tags, that are searched for a plain word."""

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

_OPERATORS: tuple[Operator, ...] = get_args(Operator)

_ORDERS: dict[str, Callable[[Any, float], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED = {character: f"\\{letter}" for letter, character in _ESCAPES.items()}

_ALIASES = {"data": "data.name", "tags": "tag"}

_FIELDS = ("tag", *(name for name in COLUMNS if name != "tags"))


class FilterError(ValueError):
    """A filter cannot be read; the message is a sentence, and `at` the place of the first character that is wrong, from 0."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message if at is None else f"{message} (character {at + 1})")
        self.at = at


class _Sign(NamedTuple):
    """A character of a filter; a quote itself has an empty one."""

    character: str
    quoted: bool
    place: int


@dataclass(frozen=True)
class Word:
    """The run's texts or tags contain a word."""

    text: str

    def holds(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return for each row whether it contains the word."""
        word = self.text.casefold()
        found = np.zeros(len(table), np.bool_)
        for name in SEARCHED:
            found |= np.fromiter((word in _folded(name, value) for value in table[name]), np.bool_, len(table))
        return found | np.fromiter(
            (any(word in tag.casefold() for tag in tags) for tags in table["tags"]), np.bool_, len(table)
        )


@dataclass(frozen=True)
class OneOf:
    """A field has one of several values, or lies in one of several ranges."""

    field: str
    values: frozenset[Any]
    """Numbers, or casefolded text; None: missing or empty."""
    ranges: tuple[tuple[float, float], ...] = ()

    def holds(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return for each row whether it has one of the values."""
        if self.field == "tag":
            return np.fromiter((self._tagged(tags) for tags in table["tags"]), np.bool_, len(table))
        if self.field in TEXT_FIELDS:
            texts = (_folded(self.field, text) for text in table[self.field])
            return np.fromiter((text in self.values if text else self._has_empty for text in texts), np.bool_, len(table))
        numbers = table[self.field].to_numpy(np.float64)
        found = np.isin(numbers, np.array([value for value in self.values if value is not None], np.float64))
        for low, high in self.ranges:
            found |= (numbers >= low) & (numbers <= high)
        return found | np.isnan(numbers) if None in self.values else found

    @property
    def _has_empty(self) -> bool:
        return None in self.values or "" in self.values

    def _tagged(self, tags: Sequence[str]) -> bool:
        return any(tag.casefold() in self.values for tag in tags) if tags else self._has_empty


@dataclass(frozen=True)
class Not:
    """The negation of a term."""

    term: OneOf

    def holds(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return for each row whether the term does not hold."""
        return ~self.term.holds(table)


@dataclass(frozen=True)
class Order:
    """A number is below or above another; a missing value is neither."""

    field: str
    operator: Operator
    value: float

    def holds(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return for each row whether the comparison holds."""
        found: NDArray[np.bool_] = _ORDERS[self.operator](table[self.field].to_numpy(np.float64), self.value)
        return found


Term: TypeAlias = Word | OneOf | Not | Order


@dataclass(frozen=True)
class Filter:
    """A parsed filter: its terms, each once."""

    terms: tuple[Term, ...] = ()

    def mask(self, table: pd.DataFrame) -> "pd.Series[bool]":
        """Return for each row of a run table whether all terms hold; the index is that of the table."""
        alive = np.ones(len(table), np.bool_)
        for term in self.terms:
            alive &= term.holds(table)
        return pd.Series(alive, index=table.index, dtype=bool)


def parse(text: str) -> Filter:
    """Parse a filter; without terms it holds for every run. Raises FilterError.

    >>> parse('spirals depth=2|4 lr<0.01').terms[1:]
    (OneOf(field='net.depth', values=frozenset({2.0, 4.0}), ranges=()), Order(field='train.lr', operator='<', value=0.01))
    """
    terms: dict[Term, None] = {}
    for token in _tokens(text):
        terms[_term(token)] = None
        if len(terms) > TERMS:
            raise FilterError(f"a filter can have at most {TERMS} terms; write the values of one field as a|b|c")
    return Filter(tuple(terms))


def find(
    summaries: Sequence[RunSummary], text: str, searched: Callable[[RunSummary], str] = RunSummary.searched
) -> list[RunSummary]:
    """List the runs of which a filter holds, in order; words are looked for in what `searched` gives. Raises FilterError.

    A run whose configuration is no longer valid has words, but no fields.
    """
    terms = parse(text).terms
    words = [term.text.casefold() for term in terms if isinstance(term, Word)]
    found = [summary for summary in summaries if not words or all(map(searched(summary).__contains__, words))]
    fields = Filter(tuple(term for term in terms if not isinstance(term, Word)))
    if not fields.terms:
        return found
    table = run_table(found)
    held = set(table.loc[fields.mask(table), "run_id"])
    return [summary for summary in found if summary.run_id in held]


def term(field: str, values: Sequence[Any]) -> str:
    r"""Write the term for runs whose field has one of the values; `parse` reads it back.

    Missing and empty are the same value. Raises FilterError for an unknown field, no values, or a value that is not a number
    in a numeric field.

    >>> term("net.depth", [2.0, None]), term("title", ['a "b"', "c|d"])
    ('net.depth=2|none', 'title="a \\"b\\""|"c|d"')
    """
    known = _field(field)
    if not values:
        raise FilterError(f"{_short(field)} must have at least one value, got none")
    return f"{known}={'|'.join(_written(known, plain(value)) for value in values)}"


def _written(field: str, value: Any) -> str:
    if value is None or value == "":
        return "none"
    if not _is_text(field):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise FilterError(f"{field} must be a number, got {_short(str(value))}")
        return repr(value)
    text = str(value)
    if text.casefold() != "none" and all(character.isalnum() or character in "_-+." for character in text):
        return text
    return f'"{"".join(_ESCAPED.get(character, character) for character in text)}"'


# From text to tokens

_Token: TypeAlias = list[_Sign]


def _tokens(text: str) -> Iterator[_Token]:
    """Split at blanks outside quotes."""
    token: _Token = []
    inside = False
    place = opened = 0
    while place < len(text):
        at, character = place, text[place]
        place += 1
        if character == '"':
            inside, opened = not inside, at
            token.append(_Sign("", True, at))
        elif character.isspace() and not inside:
            if token:
                yield token
            token = []
        else:
            if inside and character == "\\" and text[place : place + 1] in tuple(_ESCAPES):
                character = _ESCAPES[text[place]]
                place += 1
            token.append(_Sign(character, inside, at))
    if inside:
        raise FilterError('every quote must be closed, got one that is not; write \\" for a quote within quotes', opened)
    if token:
        yield token


def _text(token: _Token) -> str:
    return "".join(sign.character for sign in token)


def _is_quoted(token: _Token) -> bool:
    return any(sign.quoted for sign in token)


def _is(sign: _Sign, character: str) -> bool:
    """Whether it is this character, outside quotes."""
    return sign.character == character and not sign.quoted


def _split(token: _Token, sign: str) -> list[_Token]:
    """Split at a sign outside quotes."""
    parts: list[_Token] = [[]]
    for item in token:
        if _is(item, sign):
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _operator(token: _Token) -> tuple[int, Operator] | None:
    """Find the first operator outside quotes and its position."""
    for place, (character, quoted, _) in enumerate(token):
        if not quoted and character in ("=", "!", "<", ">"):
            is_pair = character != "=" and place + 1 < len(token) and _is(token[place + 1], "=")
            operator = f"{character}=" if is_pair else character
            if operator in _OPERATORS:
                return place, operator
    return None


# From tokens to terms


def _term(token: _Token) -> Term:
    found = _operator(token)
    if found is None:
        if not (word := _text(token)):
            raise FilterError('a word must have at least one character, got ""', token[0].place)
        return Word(word)
    place, operator = found
    name, value = _text(token[:place]), token[place + len(operator) :]
    if not name:
        raise FilterError(f"{operator} must have a field before it, without a blank, as in depth{operator}4", token[0].place)
    field = _field(name, token[0].place)
    if not value:
        after = token[-1].place + 1
        raise FilterError(f"{_short(name)}{operator} must have a value after it, without a blank, got none", after)
    if operator in ("=", "!="):
        one_of = _one_of(field, name, value)
        return one_of if operator == "=" else Not(one_of)
    if _is_text(field):
        raise FilterError(f"{_short(name)} is text and must be compared with = or !=, got {operator}", token[place].place)
    return Order(field, operator, _number(name, value))


def _one_of(field: str, name: str, value: _Token) -> OneOf:
    values: set[Any] = set()
    ranges: list[tuple[float, float]] = []
    for part in _split(value, "|"):
        if not part:
            words = f"a value of {_short(name)} must not be empty; write none for a missing value"
            raise FilterError(words, _empty_place(value))
        text = _text(part)
        if text.casefold() == "none" and not _is_quoted(part):
            values.add(None)
        elif _is_text(field):
            values.add(_folded(field, text))
        elif ".." in text:
            low, _, high = text.partition("..")
            start = part[0].place
            limits = _real(name, low, start), _real(name, high, start + len(low) + 2)
            if limits[0] > limits[1]:
                raise FilterError(f"a range of {_short(name)} must start with its lower end, got {_short(text)}", start)
            ranges.append(limits)
        else:
            values.add(_number(name, part))
    return OneOf(field, frozenset(values), tuple(dict.fromkeys(ranges)))


def _empty_place(value: _Token) -> int:
    """The place of the first of several values that is empty."""
    alone = [sign.place for one, sign in zip([None, *value], value) if _is(sign, "|") and (one is None or _is(one, "|"))]
    return alone[0] if alone else value[-1].place + 1


def _number(name: str, value: _Token) -> float:
    return _real(name, _text(value), value[0].place)


def _real(name: str, text: str, at: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise FilterError(f"{_short(name)} must be compared with a number, got {_short(text)!r}", at)
    return number


def _field(name: str, at: int | None = None) -> str:
    """Find the column of a name: the full name, or its last part if only one column has it."""
    wanted = name.casefold()
    wanted = _ALIASES.get(wanted, wanted)
    if wanted in _FIELDS:
        return wanted
    ending = [field for field in _FIELDS if field.rpartition(".")[2] == wanted]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise FilterError(f"{_short(name)} is ambiguous: it must be one of {', '.join(ending)}", at)
    known = [*_FIELDS, *_ALIASES, *(field.rpartition(".")[2] for field in _FIELDS)]
    near = difflib.get_close_matches(wanted[:80], dict.fromkeys(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else "; fields are for example data, model, depth, lr, seed, status and tag"
    raise FilterError(f"there is no field {_short(name)!r}{hint}", at)


def _is_text(field: str) -> bool:
    return field == "tag" or field in TEXT_FIELDS


def _folded(field: str, value: Any) -> str:
    """Normalize text for comparison; the program's own names may be written with blanks, as shown on pages."""
    if field == "data.name" and isinstance(value, str):
        value = data_words(value)
    text = value.casefold() if isinstance(value, str) else ""
    return text.replace("_", " ") if field in NAME_FIELDS else text


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
