"""Tables as text for papers: LaTeX and Markdown, with the text of people shown as written."""

import math
import re
from typing import TYPE_CHECKING, Any

from leafscope.app.theme.safe import one_line

if TYPE_CHECKING:
    import pandas as pd

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "−": "$-$",
    "²": r"\textsuperscript{2}",
}
"""Characters that LaTeX obeys, or that many fonts lack; brackets would be options after the end of a row."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&:@-])")
_NUMBER = re.compile(r"[-+]?[\d.,:e+-]*\d")
_DIGITS = 4


def as_latex(table: "pd.DataFrame") -> str:
    r"""Write a table as LaTeX for the package booktabs, without its index; numbers have four significant digits.

    >>> import pandas as pd
    >>> print(as_latex(pd.DataFrame({"the model": ["tree_1"], "error": [0.123456]})))
    % needs \usepackage{booktabs}
    \begin{tabular}{lr}
    \toprule
    the model & error \\
    \midrule
    tree\_1 & 0.1235 \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    """
    numeric = _numeric(table)
    rows = [" & ".join(_latex(cell) for cell in row) + r" \\" for row in _rows(table)]
    return "\n".join(
        (
            r"% needs \usepackage{booktabs}",
            rf"\begin{{tabular}}{{{''.join('r' if one else 'l' for one in numeric)}}}",
            r"\toprule",
            " & ".join(_latex(name) for name in table.columns) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        )
    )


def as_markdown(table: "pd.DataFrame") -> str:
    r"""Write a table as Markdown with pipes, without its index; numbers have four significant digits.

    >>> import pandas as pd
    >>> print(as_markdown(pd.DataFrame({"model": ["a|b"], "error": [0.123456]})))
    | model | error |
    | :-- | --: |
    | a\|b | 0.1235 |
    <BLANKLINE>
    """
    lines = [
        [_markdown(name) for name in table.columns],
        ["--:" if one else ":--" for one in _numeric(table)],
        *([_markdown(cell) for cell in row] for row in _rows(table)),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _numeric(table: "pd.DataFrame") -> list[bool]:
    return [kind.kind in "iuf" for kind in table.dtypes]


def _rows(table: "pd.DataFrame") -> list[list[Any]]:
    columns = [table.iloc[:, place].tolist() for place in range(table.shape[1])]
    return [[_cell(value) for value in row] for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return one_line(value)


def _latex(text: object) -> str:
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def _markdown(text: object) -> str:
    line = one_line(text)
    return line if _NUMBER.fullmatch(line) else _MARKDOWN.sub(r"\\\1", line).replace("www.", "www\\.").replace("WWW.", "WWW\\.")
