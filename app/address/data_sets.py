"""Data sets as they are offered for a choice: those of Leafscope, and the tables that people brought."""

from collections import Counter

from leafscope.app import theme
from leafscope.core import jobs
from leafscope.core.datasets.registry import DATA_SETS, TABLE, is_table

LONGEST = 60
"""Characters of a table's name in a list."""


def titles(shown: str | None = None) -> dict[str, str]:
    """Return the data sets that can be chosen: name -> title; with the one that is shown, even where it is missing here.

    Where several have the same title, the first characters of a table's address tell them apart.
    """
    words = {name: spec.title for name, spec in DATA_SETS.items()}
    words |= {name: theme.one_line(title, LONGEST) for name, title in jobs.default_store().table_names().items()}
    if shown is not None and shown not in words and shown in DATA_SETS:
        words[shown] = theme.one_line(DATA_SETS[shown].title, LONGEST)
    often = Counter(words.values())
    return {
        name: f"{title} #{name.removeprefix(TABLE)[:6]}" if is_table(name) and often[title] > 1 else title
        for name, title in words.items()
    }


def parse(text: str) -> str:
    """Return the name of a data set in an address; raises ValueError for any other text."""
    if text not in DATA_SETS:
        raise ValueError(text)
    return text


def size_words(name: str, sizes: tuple[int, int, int]) -> str:
    """Say how large a data set is, and of a table that a person brought how uneven: rows, features, classes or target."""
    n_rows, n_features, n_classes = sizes
    words = f"{theme.thousands(n_rows)} rows, {theme.thousands(n_features)} columns"
    words += f", {n_classes} classes" if n_classes else f"; predicts {theme.one_line(DATA_SETS[name].target, 40)}, a number"
    majority = DATA_SETS[name].majority
    return words if majority is None else f"{words}; {theme.percent(majority)} of the rows have the most frequent class"
