"""The large map: rows, training, table and answers, against plain arithmetic and a run trained step by step."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from leafscope.core.config import DataConfig
from leafscope.core.datasets import load
from leafscope.core.errors import ConfigFileError, DataError
from leafscope.core.large import answers, protocol, table
from leafscope.core.large.protocol import GatedModel, LargeMap, words_of
from leafscope.core.large.rows import PARTS, FreshRows
from leafscope.core.large.training import train
from leafscope.core.models import build_net
from leafscope.core.optim import LazyAdamW, parameter_groups

TEACHER = DataConfig(name="tree_teacher", n_features=4, n_classes=3, teacher_depth=2)
SMALL: dict[str, Any] = {
    "teachers": [TEACHER],
    "rows": [40, 200],
    "depths": [1, 2],
    "width": 4,
    "models": [GatedModel(kind="tree"), GatedModel(kind="root_leaf")],
    "dense_widths": [4, 6],
    "trials": 2,
    "choosing_seeds": [0, 1],
    "report_seeds": [5, 6, 7],
    "batch_size": 16,
    "rows_seen": 100,
    "validation_rows": 50,
    "test_rows": 60,
}


def small(**changes: Any) -> LargeMap:
    return LargeMap(**(SMALL | changes))


# Protocol


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"teachers": [DataConfig(name="digits")]},
            "teachers must draw without end, as tree_teacher, net_teacher do, got digits",
        ),
        ({"report_seeds": [1, 9]}, "report_seeds must be none of the seeds that choose, got 1 among both"),
        ({"report_seeds": [9]}, "report_seeds must hold at least 2 seeds, got 1"),
        ({"dense_widths": [8, 12]}, r"dense_widths must rise from 4, got \[8, 12\]"),
        ({"rows": []}, "rows must hold at least one value, each once"),
        ({"depths": [2, 2]}, "depths must hold at least one value, each once"),
        ({"depths": [0, 2]}, "depths must be at least 1"),
        ({"depths": [5]}, "depth"),  # hidden gates need as many units
        ({"models": [GatedModel(kind="nothing")]}, "kind"),
        ({"trials": 0}, "trials must be at least 1"),
    ],
)
def test_what_does_not_hold_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        small(**changes)


def test_address_depends_on_values_alone(tmp_path: Path) -> None:
    one = tmp_path / "one.toml"
    shipped = Path(protocol.__file__).parents[2] / "data" / "large" / "protocol.toml"
    text = shipped.read_text()
    one.write_text("\n".join(line.replace("=", "  =  ") for line in text.splitlines() if not line.startswith("#")))
    assert protocol.read(one).address == protocol.read(shipped).address
    one.write_text(text.replace("trials = 6", "trials = 5"))
    assert protocol.read(one).address != protocol.read(shipped).address
    for wrong in ("rows = ", "width = 4", "\x00", "unknown = 1\n" + text):
        one.write_text(wrong)
        with pytest.raises(ConfigFileError, match=str(one)):
            protocol.read(one)
    with pytest.raises(ConfigFileError, match="cannot be read"):
        protocol.read(tmp_path / "none.toml")


# Rows


def test_rows_are_those_of_the_teacher_and_never_the_same_twice() -> None:
    rows = FreshRows(TEACHER, seed=3)
    parts = [part.rows for part in rows.parts(200, small())]
    assert [len(part.y) for part in parts] == [20] * PARTS
    again = [part.rows for part in FreshRows(TEACHER, seed=3).parts(200, small())]
    assert all(torch.equal(one.x, other.x) and torch.equal(one.y, other.y) for one, other in zip(parts, again, strict=True))
    everything = torch.cat([*(part.x for part in parts), rows.validation(50).x, rows.test(60).x])
    assert len(torch.unique(everything, dim=0)) == len(everything)
    # without label noise, the classes are those that the data set of the same seed gives to the same points
    clean = DataConfig(**(TEACHER.model_dump() | {"noise": 0.0}))
    from leafscope.core.datasets.variants.tree_teacher import teacher, teacher_labels

    drawn = FreshRows(clean, seed=3).test(500)
    options = {"n_features": 4, "n_classes": 3, "teacher_depth": 2}
    assert (teacher_labels(drawn.x.double().numpy(), *teacher(options, 3)) == drawn.y.numpy()).mean() > 0.995  # rounded x


def test_few_rows_are_seen_again_in_another_order() -> None:
    protocol_of = small(rows_seen=400)
    parts = list(FreshRows(TEACHER, seed=1).parts(40, protocol_of))
    assert len(parts) == PARTS
    seen = np.concatenate([part.order for part in parts])
    assert (np.bincount(seen) == 10).all()
    assert all(part.rows is parts[0].rows for part in parts)
    assert not np.array_equal(seen[:40], seen[40:80])


@pytest.mark.parametrize("name", ["tree_teacher", "net_teacher"])
def test_fresh_rows_have_the_classes_of_the_data_set(name: str) -> None:
    config = DataConfig(name=name, n_features=5, n_classes=3, n_samples=20_000)
    data = load(config, 2)
    of_set = np.bincount(np.concatenate([split.y for split in data.splits.values()]), minlength=3) / 20_000
    fresh = np.bincount(FreshRows(config, 2).test(20_000).y.numpy(), minlength=3) / 20_000
    assert np.abs(of_set - fresh).max() < 0.02


# Training


def test_a_net_is_trained_as_by_plain_steps() -> None:
    """On two threads beside others, one net's scores are those of the module and optimizer on the same rows."""
    made = small(rows=[200])
    cells, draw = list(made.cells()), made.draws()[0]
    runs = [made.run(TEACHER, cell, draw, 5) for cell in cells]
    scores = train(made, runs, 200, threads=2)
    assert scores is not None
    place = next(n for n, cell in enumerate(cells) if (cell.model, cell.depth) == ("tree", 2))
    run, rows = runs[place], FreshRows(TEACHER, 5)
    net = build_net(run.net, 4, 3, 5)
    optimizer = LazyAdamW(parameter_groups(net, draw.weight_decay, 1.0), lr=draw.lr)
    errors, step, steps = [], 0, sum(math.ceil(20 / 16) for _ in range(PARTS))
    validation, test = rows.validation(50), rows.test(60)
    for part in rows.parts(200, made):
        for x, y in zip(part.rows.x.split(16), part.rows.y.split(16), strict=True):
            optimizer.param_groups[0]["lr"] = draw.lr * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = optimizer.param_groups[0]["lr"]
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            step += 1
        with torch.no_grad():
            errors.append([float((net(of.x).argmax(1) != of.y).double().mean()) for of in (validation, test)])
    best = min(range(PARTS), key=lambda number: errors[number][0])
    assert scores[place].part == best + 1
    assert [scores[place].validation_error, scores[place].test_error] == pytest.approx(errors[best], abs=0.021)


def test_a_net_that_diverges_counts_as_the_commonest_class() -> None:
    made = small()
    cell = next(iter(made.cells()))
    run = made.run(TEACHER, cell, made.draws()[0], 0)
    run = run.model_copy(update={"train": run.train.model_copy(update={"lr": 1e30})})
    scores = train(made, [run], 200)
    assert scores is not None
    test = FreshRows(TEACHER, 0).test(60).y.numpy()
    assert scores[0].diverged
    if scores[0].part == 0:
        assert scores[0].test_error == pytest.approx(1 - np.bincount(test).max() / 60)
        assert scores[0].validation_error == math.inf


def test_training_can_be_stopped() -> None:
    made = small()
    assert train(made, [made.run(TEACHER, next(iter(made.cells())), made.draws()[0], 0)], 200, should_stop=lambda: True) is None


# Table


def test_an_interrupted_table_goes_on_where_it_stopped(tmp_path: Path) -> None:
    made = small(rows=[40])
    whole = table.make(made, tmp_path / "whole.csv")

    class Interrupted(Exception):
        pass

    def stop(done: int, of: int) -> None:
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        table.make(made, tmp_path / "parts.csv", on_progress=stop)
    before = table.read(tmp_path / "parts.csv", made)
    assert set(before["stage"]) == {"choosing", "reporting"}
    assert len(before) == 6 * (2 + 2 + 1)  # two seeds of two trials each, one reporting seed
    trained: list[int] = []
    after = table.make(made, tmp_path / "parts.csv", on_progress=lambda done, of: trained.append(done))
    assert trained[-1] == len(list(table.units(made))) == 5
    pd.testing.assert_frame_equal(after.drop(columns="seconds"), whole.drop(columns="seconds"), check_dtype=False)
    with pytest.raises(DataError, match="must be of the protocol"):
        table.make(small(rows=[40], trials=1), tmp_path / "parts.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="must be the table of a large map"):
        table.read(tmp_path / "other.csv")


def test_reports_take_the_chosen_trial_alone(tmp_path: Path) -> None:
    made = small(rows=[40])
    found = table.make(made, tmp_path / "map.csv")
    reporting = found[found["stage"] == "reporting"]
    assert set(reporting["seed"]) == {5, 6, 7}
    for _, row in table.chosen(found).iterrows():
        same = found[(found["model"] == row["model"]) & (found["depth"] == row["depth"]) & (found["width"] == row["width"])]
        means = same[same["stage"] == "choosing"].groupby("lr")["validation_error"].mean()
        assert row["lr"] == means.idxmin()
        assert set(same[same["stage"] == "reporting"]["lr"]) == {row["lr"]}


# Answers


def made_up(best: dict[int, int], seeds: int = 6) -> pd.DataFrame:
    """A table in which the tree's error is lowest at a known K for each number of rows, with little noise."""
    rng = np.random.default_rng(0)
    rows = []
    for n, lowest in best.items():
        for stage, of in (("choosing", (0, 1)), ("reporting", range(10, 10 + seeds))):
            for seed in of:
                luck = rng.normal(0, 0.01)
                for depth in (0, 2, 4):
                    error = 0.3 + 0.02 * abs(depth - lowest) + luck + rng.normal(0, 0.001)
                    name = "tree" if depth else "dense"
                    rows.append((n, seed, stage, name, depth, 8, 100 + 10 * depth, error))
                rows.append((n, seed, stage, "dense", 0, 16, 400, 0.3 + 0.01 + luck))
    columns = ["rows", "seed", "stage", "model", "depth", "width", "multiply_adds", "validation_error"]
    made = pd.DataFrame(rows, columns=columns)
    return made.assign(teacher="t", lr=0.01, weight_decay=0.0, test_error=made["validation_error"])


def test_best_depth_gain_and_growth_of_a_known_map() -> None:
    known = made_up({100: 0, 1000: 2, 10_000: 4})
    found = answers.best_depths(known).set_index("rows")
    assert found["depth"].tolist() == found["depth_low"].tolist() == found["depth_high"].tolist() == [0, 2, 4]
    assert found["gain"].to_numpy() == pytest.approx([0, -0.04, -0.08], abs=0.003)
    assert math.isnan(found.loc[100, "p"])
    assert found.loc[10_000, "p"] < 1e-6
    slope = answers.growth(known, "t", "tree")
    assert (slope.slope, slope.low, slope.high) == (2.0, 2.0, 2.0)
    assert slope.shown
    flat = answers.growth(made_up({100: 2, 1000: 2}), "t", "tree")
    assert (flat.slope, flat.shown) == (0.0, False)
    assert math.isnan(answers.growth(made_up({100: 2}), "t", "tree").slope)


def test_numbers_of_rows_that_are_not_trained_in_full_are_left_out() -> None:
    known = made_up({100: 0, 1000: 2})
    assert answers.complete(known).equals(known)
    stopped = known[(known["rows"] == 100) | (known["stage"] == "choosing") | (known["seed"] < 12)]
    assert set(answers.complete(stopped)["rows"]) == {100}
    chosen = known[known["stage"] == "choosing"]
    assert answers.complete(chosen).empty


def test_differences_at_the_same_depth_are_paired_and_adjusted() -> None:
    known = made_up({100: 2})
    other = known[known["model"] == "tree"].assign(model="additive")
    other["test_error"] += np.where(other["depth"] == 4, 0.01, 0.0)
    found = answers.at_same_depth(pd.concat([known, other]), "tree", "additive").set_index("depth")
    assert found["mean"].to_numpy() == pytest.approx([0.0, -0.01])
    assert found["p"].tolist() == [1.0, 0.0]


def test_exchange_rate_of_a_known_map() -> None:
    rate = answers.as_good_as(made_up({100: 4}), "t", 100, "tree")
    # the ladder goes from 0.38 (100 multiply-adds) to 0.31 (400); the tree at K = 4 costs 140 and has 0.30: better than its end
    assert rate.factor == math.inf
    middle = answers.as_good_as(made_up({100: 2}), "t", 100, "tree")
    assert middle.n == 6
    assert words_of(TEACHER) == "tree_teacher, teacher_depth 2"
