"""A table whose target is a number: no page, figure, deck or file speaks of accuracy, classes or percent of errors."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.citing import texts
from leafscope.app.citing.paper import PRINT
from leafscope.app.decks import cite
from leafscope.app.decks.as_html import deck_html
from leafscope.app.decks.editing import redraw, what_if
from leafscope.app.decks.talk import gather
from leafscope.app.navigation import PAGES
from leafscope.app.playground.plane_figure import GRID
from leafscope.app.theme import SCREEN
from leafscope.core.config import SweepConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.planes import plane_of
from leafscope.core.inspection.predictions import predict
from leafscope.core.inspection.trained import trained_net
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, read
from leafscope.core.usage.statistics import STATISTICS
from tests.app.figures.test_contract import figure_classes
from tests.pages.harness import (
    Lab,
    decoded,
    figures,
    live_charts,
    open_page,
    press,
    run_app,
    small,
    table_with,
    words,
)

WRONG = re.compile(
    r"accura|\bclass(?:es)?\b|class_|classif|%-error|majority class|confusion|(?:percent|%) of rows|logit|cross-entropy",
    re.IGNORECASE,
)
CHOICES = {"leaves": "part", "balance": "aspect", "compare": "view"}
"""Page -> the parameter of its address that says which part of it is shown."""
SWEPT = ("overfitting", "capacity")
LEFT_OUT = {
    **dict.fromkeys(("ClassMix", "ConfusionMatrix", "Contributions", "DecisionRegions"), "there are no classes"),
    **dict.fromkeys(("InformationLevels", "LeafClassHeatmap", "TargetClasses"), "there are no classes"),
    **dict.fromkeys(("ImageGrid", "MeanImage"), "no table of one's own has images"),
    **dict.fromkeys(("ExpertLorenz", "LayersAgainstChance", "LayersByExperts", "LayersOverSteps"), "there are no experts"),
    "CapacityTimeRatio": "it is of times that were measured on this machine, without any data",
    "TwoSides": "the gallery answers its questions by runs of its own",
    "BestDepthByRows": "it is of the large map, which comes along and has data of its own",
}
"""Figures that are of other runs, or of none, and why; all others must be seen."""
FOLDS_OF_OTHERS = {"_map", "_gallery", "_view", "_workers"}
"""Folds that show what comes along, or settings."""


def drawn() -> bytes:
    """A table in which a price follows from two columns."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 160))
    price = 50 + 7 * a - 5 * abs(b) + rng.normal(size=160)
    return "\n".join(["width,height,price", *(f"{p:.4f},{q:.4f},{r:.3f}" for p, q, r in zip(a, b, price))]).encode()


TABLE = read(drawn(), Choices(name="prices"))
BASE = changed(small(epochs=4), {"data.name": f"table:{TABLE.hash}"})
TREE = changed(BASE, {"net.kind": "decision_tree"})
SWEEP = SweepConfig(
    name="of prices",
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "data.n_train": [40, 80], "seed": [0, 1]},
    baselines=["dense", "dense_ladder", "logistic", "decision_tree"],
)


PAIR = {"from": SWEEP.sweep_id, "report": "1"} | {
    place: changed(BASE, {"data.n_train": 80, "net.kind": kind}).run_id
    for place, kind in (("first", "tree"), ("second", "flat"))
}
"""What Compare shows: the sweep, and of two groups those of tree and flat net."""


def fill_lab(lab: Lab) -> None:
    lab.store.add_table(TABLE)
    dense = changed(BASE, {"net.kind": "dense"})
    for run in (BASE, TREE, dense, *(changed(one, {"seed": 1}) for one in (BASE, dense))):
        lab.work(run)
    lab.sweep(SWEEP)


def wrong(text: str) -> list[str]:
    """Where a text speaks of classes, with what stands around it."""
    return [text[max(0, found.start() - 60) : found.end() + 40] for found in WRONG.finditer(text)]


def said_on(at: Any) -> str:
    """All that a page says: sentences, controls, figures and tables."""
    found = [words(at)]
    for kind in ("selectbox", "radio", "button", "number_input", "checkbox", "multiselect", "expander", "metric"):
        found += [f"{one.label} {getattr(one, 'options', '')} {getattr(one, 'help', '')}" for one in at.get(kind)]
    found += [json.dumps(one) for one in (*figures(at).values(), *live_charts(at).values())]
    return "\n".join([*found, *(one.value.to_csv() for one in at.dataframe)])


class Seen:
    """All figures that pages draw, and what is saved of each: numbers in three formats, the script, a slide."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: set[str] = set()
        self.said: dict[str, str] = {}
        for kind in figure_classes():
            monkeypatch.setattr(kind, "figure", self._noting(kind))
        monkeypatch.setattr(cite, "answer", self._save)

    def _noting(self, kind: Any) -> Any:
        draw = kind.figure

        def figure(shown: Any, **how: Any) -> Any:
            self.kinds.add(kind.__name__)
            return draw(shown, **how)

        return figure

    def _save(self, origin: cite.Origin) -> None:
        if origin.key in self.said:  # on several parts of a page
            return
        slide = origin.slide(PRINT)
        files = [write(origin.table) for write in (theme.as_csv, theme.as_latex, theme.as_markdown)]
        self.said[origin.key] = "\n".join([*files, texts.script(slide), slide.model_dump_json(), origin.sentence])


def choices_of(page: str, address: dict[str, Any]) -> list[dict[str, Any]]:
    """Every part of a page that its address can name, as the page itself lists them."""
    if page not in CHOICES:
        return [{}]
    at = open_page(page, **address, **{CHOICES[page]: "?"})
    found = re.search(r"must be one of ([\w, ]+?),? got", words(at))
    assert found, words(at)
    return [{CHOICES[page]: one} for one in found[1].split(", ")]


def unfolded(at: Any) -> Any:
    """Open what is drawn only once it is unfolded."""
    keys = {re.sub(r"^.*?-(?=_)", "", one.proto.id) for one in at.expander if one.proto.id}
    for key in keys - FOLDS_OF_OTHERS:
        at.session_state[key] = True
    return run_app(at) if keys - FOLDS_OF_OTHERS else at


def test_no_page_figure_statistic_or_file_speaks_of_classes(
    lab: Lab, downloads: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, balance = Seen(monkeypatch), ""
    for page in (one for one in PAGES if one.name != "routing"):  # which shows logs of other programs, and no run
        address = {"sweep": SWEEP.sweep_id} if page.name in SWEPT else {"run": BASE.run_id}
        address |= PAIR if page.name == "compare" else {}
        for choice in choices_of(page.name, address):
            downloads.clear()
            at = unfolded(open_page(page.name, **address, **choice))
            where = f"{page.name} {choice}"
            assert not at.error, where
            said = said_on(at)
            # what a page was asked for and has not is said in the words of the address
            said = said.replace("view in the address must be", "") if choice == {"view": "classes"} else said
            assert wrong(said) == [], where
            for file, data in downloads.items():
                if file.endswith((".toml", ".leafscope")):  # which have the configuration as it is
                    continue
                made = data() if callable(data) else data
                text = made.decode() if isinstance(made, bytes) else str(made)
                assert wrong(text) == [], f"{where}: {file}"
            balance += said if page.name == "balance" else ""
    for figure, files in seen.said.items():
        assert wrong(files) == [], figure
    every = {kind.__name__ for kind in figure_classes()}
    talk = gather.slides(lab.store, SWEEP.sweep_id, SCREEN)
    assert wrong("\n".join(f"{one.title} {one.text} {one.caption} {one.notes}" for one in talk)) == []
    assert seen.kinds | set(LEFT_OUT) == every
    assert seen.kinds & set(LEFT_OUT) == set()
    for statistic in STATISTICS.values():
        assert (statistic.title in balance) == (statistic.needs != "classes"), statistic.title


def errors_of(lab: Lab, kind: str, depth: int, n_train: int) -> dict[str, np.ndarray]:
    """The RMSE of two seeds of a net of the sweep after its last epoch, in float64 from its weights: split -> (2,)."""
    found: dict[str, list[float]] = {"train": [], "test": []}
    for seed in SWEEP.axes["seed"]:
        run = changed(BASE, {"net.kind": kind, "net.depth": depth, "data.n_train": n_train, "seed": seed})
        assert lab.store.run(run.run_id).best_epoch == run.train.epochs
        trained, data = trained_net(lab.store, run.run_id), load(run.data, run.data_seed)
        assert trained is not None
        for split, errors in found.items():
            rows = data.splits[split]
            said = data.answers(replace(trained.net, precision=np.float64)(rows.x))
            errors.append(float(np.sqrt(np.mean((said - rows.y) ** 2))))
    return {split: np.array(errors) for split, errors in found.items()}


def test_the_figures_of_a_sweep_have_the_numbers_of_its_nets(lab: Lab, downloads: dict[str, Any]) -> None:
    open_page("overfitting", sweep=SWEEP.sweep_id)
    files = {
        name.removesuffix(".csv"): pd.read_csv(io.BytesIO(data())) for name, data in downloads.items() if name.endswith(".csv")
    }
    tree, flat, dense = (errors_of(lab, kind, 2, 80) for kind in ("tree", "flat", "dense"))
    by_depth = files["error_by_depth"].set_index(["model", "split", "depth"])["mean"]
    gaps = files["gap_by_depth"].set_index(["model", "depth"])["mean"]
    for model, errors in (("tree", tree), ("flat", flat)):
        for split in ("train", "test"):
            assert by_depth[model, split, 2] == pytest.approx(errors[split].mean(), rel=1e-4)
        assert gaps[model, 2] == pytest.approx((errors["test"] - errors["train"]).mean(), rel=1e-3, abs=1e-3)
    against, cells = files["tree_against_flat"].set_index("depth"), files["help_map"].set_index("depth")
    for found, other in ((against, flat), (cells, dense)):
        difference = tree["test"] - other["test"]
        assert found["mean"][2] == pytest.approx(difference.mean(), rel=1e-3, abs=1e-3)
        assert found["low"][2] < difference.mean() < found["high"][2]
    few = errors_of(lab, "tree", 2, 40)
    by_rows = files["error_by_rows"].query("model == 'tree' and depth == 2").set_index("n_train")["mean"]
    assert by_rows.tolist() == pytest.approx([few["test"].mean(), tree["test"].mean()], rel=1e-4)
    levels = files["level_error"].set_index(["split", "level"])["mean"]
    assert levels["test", 2] == pytest.approx(tree["test"].mean(), rel=1e-4)
    curves = files["seed_curves"].set_index(["model", "split", "epoch"])["mean"]
    deviations = [load(BASE.data.model_copy(update={"n_train": 80}), seed).centre[1] for seed in SWEEP.axes["seed"]]
    assert curves["tree", "test", BASE.train.epochs] == pytest.approx(np.mean((tree["test"] / deviations) ** 2), rel=1e-3)


def test_what_if_goes_through_other_nets_and_epochs(lab: Lab) -> None:
    press(open_page("leaves", run=BASE.run_id, part="explain"), "number_contributions_deck")
    (info,) = lab.store.decks()
    ((_, slide),) = lab.store.slides(info.deck_id).items()
    states = what_if.controls(slide)
    assert {"seed", "epoch"} <= set(states)
    wanted = {value: slide.model_copy(update={"address": address}) for value, address in states["seed"].items()}
    drawn = dict(redraw.redrawn(wanted, SCREEN, keep=()))
    assert list(drawn) == ["0", "1"]
    predicted = [one.figure["data"][2]["x"] for one in drawn.values()]
    assert predicted[0] != predicted[1]


def test_a_slide_of_the_plane_is_drawn_again(lab: Lab) -> None:
    at = unfolded(open_page(run=BASE.run_id))
    press(at, "predicted_field_deck")
    (info,) = lab.store.decks()
    ((_, slide),) = lab.store.slides(info.deck_id).items()
    (again,) = dict(redraw.redrawn({"": slide}, SCREEN)).values()
    assert (again.title, again.digest) == (slide.title, slide.digest)
    data, trained = load(BASE.data, 0), trained_net(lab.store, BASE.run_id)
    assert trained is not None
    _, points = plane_of(data).grid(GRID)
    exact = data.answers(replace(trained.net, precision=np.float64)(data.standardize(points)))
    np.testing.assert_allclose(decoded(again.figure["data"][0]["z"]).ravel(), exact, rtol=1e-4)


def test_scores_stand_beside_the_mean_of_the_training_rows(lab: Lab) -> None:
    data = load(BASE.data, 0)
    scores = table_with(open_page("leaves", run=BASE.run_id, part="scores"), "RMSE", "MAE", "R²")
    mean = scores[(scores["rows"] == "test") & (scores["model"] != "this net")].iloc[0]
    assert mean["RMSE"] == pytest.approx(data.chance["rmse"])
    own = scores[(scores["rows"] == "test") & (scores["model"] == "this net")].iloc[0]
    assert own["RMSE"] == pytest.approx(lab.store.run(BASE.run_id).last["test_rmse"], rel=1e-4)
    assert "unit of price" in words(open_page(run=BASE.run_id))
    assert "Always the mean of the training rows: RMSE" in words(open_page("overfitting", sweep=SWEEP.sweep_id))


def test_a_deck_has_its_figures(lab: Lab) -> None:
    press(open_page("leaves", run=BASE.run_id, part="target"), "leaf_targets_deck")
    press(open_page("overfitting", sweep=SWEEP.sweep_id), "error_by_depth_deck")
    (info,) = lab.store.decks()
    text = deck_html(info.name, list(lab.store.slides(info.deck_id).values()), made=0.0)
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert "RMSE, in the unit of price" in text
    assert wrong(shown) == []


def test_new_rows_and_archives(lab: Lab, tmp_path: Path) -> None:
    data = load(BASE.data, 0)
    for run in (BASE, TREE):
        found = predict(lab.store, run.run_id, drawn()).table()
        assert list(found.columns) == ["row", "prediction", "leaf"]
        test = found["prediction"].to_numpy(float)[data.test.index]
        rmse = float(np.sqrt(np.mean((test - data.test.y) ** 2)))
        assert rmse == pytest.approx(lab.store.run(run.run_id).last["test_rmse"], rel=1e-4)
    file = tmp_path / "numbers.zip"
    export_archive(lab.store, file, run_ids=[BASE.run_id, TREE.run_id])
    other = Store(tmp_path / "other.db")
    import_archive(other, file)
    assert other.run(BASE.run_id).last == lab.store.run(BASE.run_id).last
    np.testing.assert_allclose(predict(other, TREE.run_id, drawn()).answers, predict(lab.store, TREE.run_id, drawn()).answers)
    other.close()
