"""What the groups of Compare are called, and how they are drawn for as long as the selection lives."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import streamlit as st

from leafscope.app.address import session
from leafscope.app.figures.shared.group_style import GroupStyle, group_styles
from leafscope.core.comparison.groups import Group
from leafscope.core.comparison.table import CONFIG_FIELDS, SEED_FIELDS, field_words, plain, value_words, varies
from leafscope.core.models import MODELS

BY, SLOTS = ("by", "slots")
"""Parameters of the address: the fields of the groups, and the places of the groups in the palette if not 0, 1, ..."""
MOST_FIELDS = 3
"""Fields that a group's name is made of; of more, the short forms of labels are easier to read."""
NAMES_ALONE = ("model", "data.name", "net.kind", "tags")
"""Fields whose values need no field name beside them."""
MOST_SLOTS = 60
"""Groups whose colour is remembered while they are not shown."""
MOST_KEPT = 1024
"""Groups of which is kept what follows from their runs."""
_SLOTS = "_slots"
_CHOSEN = re.compile(r"(lr|wd)[0-9.e+-]+")
"""Learning rate and weight decay, as labels of runs write them (`core.config.run`)."""


def group_words(made: Sequence[Group]) -> list[str]:
    """Name groups by the few fields in which they differ; where those are many, by the words in which their labels differ.

    No two have the same name, which views tell them apart by: values that are written alike get a number.
    """
    if len(made) < 2:
        return [str(one.rows["title"].iloc[0]) if one.n == 1 else one.words for one in made]
    differ = [place for place in range(len(made[0].fields)) if len({str(one.key[place]) for one in made}) > 1]
    if len(differ) > MOST_FIELDS:
        short = _short_labels(made)
        if len(set(short)) == len(short):
            return short
    named = [[place for place in differ if one.key[place] is not None] or differ for one in made]
    words = [
        ", ".join(_value(one.fields[place], one.key[place]) for place in places)
        for one, places in zip(made, named, strict=True)
    ]
    words = words if len(set(words)) == len(words) else [one.words for one in made]
    seen: Counter[str] = Counter()
    for place, word in enumerate(words):
        seen[word] += 1
        if words.count(word) > 1 and seen[word] > 1:
            words[place] = f"{word} ({seen[word]})"
    return words


def _short_labels(made: Sequence[Group]) -> list[str]:
    """Take from the label of each group's runs the model, and of the rest what differs.

    What all labels of nets have is left out, although models of scikit-learn have no such setting. So are the learning rate and
    the weight decay where the rest tells the groups apart: a sweep chooses them for each model.
    """
    parts = []
    for one in made:
        first = one.rows.iloc[0]
        data, kind = (value_words(field, first[field]) for field in ("data.name", "net.kind"))
        before, _, after = str(first["label"]).rpartition(" s")[0].removeprefix(data).partition(kind)
        parts.append((kind, MODELS[first["net.kind"]].fit is None, [data, *before.split()], after.split()))
    shared = {
        is_net: set.intersection(*({*before, *after} for _, of, before, after in parts if of == is_net))
        for is_net in {of for _, of, _, _ in parts}
    }
    everywhere = set.intersection(*shared.values())
    common = {is_net: words if is_net else everywhere for is_net, words in shared.items()}

    def labels(with_chosen: bool) -> list[str]:
        def rest(words: list[str], is_net: bool) -> list[str]:
            return [word for word in words if word not in common[is_net] and (with_chosen or not _CHOSEN.fullmatch(word))]

        return [" ".join([*rest(before, of), kind, *rest(after, of)]) for kind, of, before, after in parts]

    short = labels(with_chosen=False)
    return short if len(set(short)) == len(short) else labels(with_chosen=True)


def _value(field: str, value: Any) -> str:
    words = value_words(field, value)
    return words if field in NAMES_ALONE and value is not None else f"{field_words(field)} {words}"


def styles(made: Sequence[Group], words: Sequence[str]) -> list[GroupStyle]:
    """Draw each group as before, for as long as the selection lives."""
    tokens = [_identity(one, bool(st.session_state.get(BY))) for one in made]
    held: dict[str, int] = st.session_state.setdefault(_SLOTS, {})
    if not held and (text := st.query_params.get(SLOTS)):
        parts = text.split(".")
        if len(parts) == len(tokens) and all(part.isdecimal() and len(part) < 4 for part in parts):
            held |= dict(zip(tokens, map(int, parts), strict=True))
    if len(held) > MOST_SLOTS:
        for name in [name for name in held if name not in tokens]:
            del held[name]
    for name in tokens:
        if name not in held:
            taken = set(held.values())
            held[name] = next(slot for slot in range(len(taken) + 1) if slot not in taken)
    slots = [held[name] for name in tokens]
    is_plain = slots == list(range(len(slots))) or len(slots) > 40
    session.publish_to_url(SLOTS, None if is_plain else ".".join(map(str, slots)), None)
    models = [_model(one) or f"several {place}" for place, one in enumerate(made)]
    return group_styles(words, models=models, numbers=_numbers(made), slots=slots, look=session.look())


@lru_cache(maxsize=MOST_KEPT)
def _model(one: Group) -> str | None:
    """The model of a group's runs; None if they have several."""
    return None if varies(one.rows["model"]) else str(one.rows["model"].iloc[0])


@lru_cache(maxsize=MOST_KEPT)
def _identity(one: Group, by_fields: bool) -> str:
    """Identify a group, whichever of its runs are chosen: by its key, or by all of its configuration but the seed."""
    if by_fields:
        return repr((one.fields, one.key))
    first = one.rows.iloc[0].to_dict()
    return repr([str(plain(first[field])) for field in CONFIG_FIELDS if field not in SEED_FIELDS])


def _numbers(made: Sequence[Group]) -> list[float] | None:
    """The one number in which groups differ; None if they differ in something else too."""
    if not made:
        return None
    differ = [place for place in range(len(made[0].fields)) if len({str(one.key[place]) for one in made}) > 1]
    if len(differ) != 1:
        return None
    values = [one.key[differ[0]] for one in made]
    if any(not isinstance(value, (int, float)) for value in values):
        return None
    return [float(value) for value in values]
