"""Which class is taken for which: rows by class and answer, with the scores that uneven classes cannot flatter."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from leafscope.app import theme
from leafscope.app.figures.shared import frame
from leafscope.app.theme import SCREEN, Look
from leafscope.core.scores.always import judgement
from leafscope.core.scores.confusion import f1_scores, mean_of_known, precisions, recalls

_NAME_LIMIT = 18

_MOST_WRITTEN = 12
"""Of more classes, cells do not hold their numbers."""


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Rows by class and answer. Raises ValueError for a matrix that does not fit the names, or with counts below 0."""

    matrix: ArrayLike
    """(C, C) rows of each class with each answer."""
    class_names: Sequence[str]
    always: int = 0
    """The class that most training rows have."""
    split: str = "test"
    """Whose rows these are."""

    _n: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.asarray(self.matrix)
        if n.shape != (len(self.class_names),) * 2:
            raise ValueError(f"matrix must have a row and a column for each of {len(self.class_names)} classes, got {n.shape}")
        if n.size and n.min() < 0:
            raise ValueError(f"matrix must have counts of at least 0, got {n.min()}")
        object.__setattr__(self, "_n", n.astype(np.int64))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw classes down and answers across; colour is the share of the class's rows."""
        height, n = theme.MAIN_HEIGHT[look.projector], self._n
        title = f"Answers by class, {self.split} rows"
        if not n.sum():
            why = f"There are no {self.split} rows."
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        share = n / np.maximum(1, n.sum(1, keepdims=True))
        names = [theme.escape(name, _NAME_LIMIT) for name in self.class_names]
        place = np.arange(len(names))
        figure = go.Figure(
            go.Heatmap(
                z=share,
                x=place,
                y=place,
                zmin=0,
                zmax=1,
                colorscale=theme.LOAD_SCALE,
                colorbar={"title": {"text": "share of the class"}, "tickformat": ".0%"},
                xgap=1,
                ygap=1,
                hovertext=[
                    [
                        f"{names[of]} answered as {names[as_]}: {theme.thousands(n[of, as_])} rows<br>"
                        f"{theme.percent(share[of, as_])} of the class"
                        for as_ in place
                    ]
                    for of in place
                ],
                hoverinfo="text",
            )
        )
        notes = []
        for of in place if len(names) <= _MOST_WRITTEN else []:
            for as_ in place:
                ink = theme.ink_on(theme.scale_colour(theme.LOAD_SCALE, float(share[of, as_])))
                text = theme.thousands(n[of, as_])
                notes.append({"x": as_, "y": of, "text": text, "showarrow": False, "font": {"color": ink}})
        frame.annotate(figure, notes)
        step = max(1, int(np.ceil(1.1 * theme.FONT_SIZE[look.projector] / ((height - 170) / len(names)))))
        ticks = {
            "tickmode": "array",
            "tickvals": place[::step],
            "ticktext": names[::step],
            "showgrid": False,
            "zeroline": False,
        }
        figure.update_xaxes(title_text="answer", range=[-0.5, len(names) - 0.5], **ticks)
        figure.update_yaxes(title_text="class", range=[len(names) - 0.5, -0.5], **ticks)
        subtitle = frame.rows(int(n.sum()), self.split)
        return frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height)

    def sentence(self) -> str:
        """Give accuracy beside the share of always the same answer, balanced accuracy, macro F1, and the lowest recall.

        >>> ConfusionMatrix([[9, 1], [1, 3]], ["a", "b"]).sentence()
        'On the 14 test rows: accuracy 85.7 % (always answering a: 71.4 %), balanced accuracy 82.5 %, macro F1 0.825. \
Lowest recall: b, 75.0 % of 4.'
        """
        n = self._n
        if not n.sum():
            return f"There are no {self.split} rows."
        total, recall = int(n.sum()), recalls(n)
        always = theme.one_line(self.class_names[self.always], 40)
        lowest = int(np.nanargmin(recall))
        words = (
            f"On the {theme.thousands(total)} {self.split} {'row' if total == 1 else 'rows'}: accuracy "
            f"{theme.percent(n.trace() / total)} (always answering {always}: {theme.percent(n.sum(1)[self.always] / total)}), "
            f"balanced accuracy {theme.percent(mean_of_known(recall))}, "
            f"macro F1 {theme.three_significant(mean_of_known(f1_scores(n)))}. Lowest recall: "
            f"{theme.one_line(self.class_names[lowest], 40)}, {theme.percent(recall[lowest])} of "
            f"{theme.thousands(n.sum(1)[lowest])}."
        )
        names = tuple(theme.one_line(name, 40) for name in self.class_names)
        return f"{words} {judgement(n, self.always, names)}".strip()

    def table(self) -> pd.DataFrame:
        """List the classes: class, rows, recall, precision, f1, and the rows with each answer, answer_1 for the first class."""
        n = self._n
        frame_ = pd.DataFrame({"class": [str(name) for name in self.class_names], "rows": n.sum(1)})
        frame_ = frame_.assign(recall=recalls(n), precision=precisions(n), f1=f1_scores(n))
        answers = pd.DataFrame(n, columns=[f"answer_{place + 1}" for place in range(len(n))])
        return pd.concat([frame_, answers], axis=1)
