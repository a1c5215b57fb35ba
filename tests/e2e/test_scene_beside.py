"""Two nets side by side in the Playground's scene."""

import re
from collections.abc import Callable

import numpy as np
from playwright.sync_api import expect

from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from leafscope.core.inspection.snapshots import plane, shuffled
from leafscope.core.training.fitting import fit
from tests.e2e.conftest import Visit
from tests.e2e.harness import App, until
from tests.e2e.scene import (
    CLOSE,
    SHORT,
    SPOTS,
    Scene,
    answers,
    assert_answer,
    assert_score_is_of,
    data_of,
    net_of,
    spaced,
)


def test_a_point_is_answered_by_both_nets(app: App, scene: Callable[..., Scene]) -> None:
    shown = scene()
    page, data = shown.page, data_of(EXAMPLE)
    field = page.get_by_role("combobox", name=re.compile("Compare with"))
    field.click()
    field.fill("flat")
    page.get_by_role("option", name="flat", exact=True).click()
    expect(page.locator(".scene-view")).to_have_count(2)
    shown.address_has("beside=flat")
    flat = changed(EXAMPLE, {"net.kind": "flat"})
    app.train(flat)
    until(lambda: shown.at_rest()["views"][1].get("epoch") == EXAMPLE.train.epochs, "the second net")
    for view in (0, 1):
        seen = shown.point_at(SPOTS[view], view)
        assert seen["views"][0]["raw"] == seen["views"][1]["raw"]
        for of, run in enumerate((EXAMPLE, flat)):
            said = answers(net_of(shown.app, run), data, [seen["views"][of]["raw"]])
            assert seen["views"][of]["point"]["leaf"] == said["leaves"][0, 0]
            np.testing.assert_allclose(seen["views"][of]["point"]["logits"], said["logits"][0], atol=CLOSE)
            sentence = shown.text(".scene-sentence", of)
            words = "5 of 31 matrices" if of == 0 else "1 of 16 matrices"
            assert sentence.startswith(f"Sign pattern {spaced(format(said['leaves'][0, 0], '04b'))}: this point uses {words}")
            assert_answer(sentence, data, said["shares"][0])
    for of, run in enumerate((EXAMPLE, flat)):
        assert_score_is_of(shown, net_of(shown.app, run), data, "", of)
    page.locator(".scene-shuffle").click()
    shown.at_rest()
    for of, run in enumerate((EXAMPLE, flat)):
        assert_score_is_of(shown, shuffled(net_of(shown.app, run)), data, "leaves shuffled", of)


def test_what_is_not_here_is_trained_to_be_set_beside(app: App, window: Visit) -> None:
    app.train(SHORT)
    shown = Scene(window.page, app).load(f"?run={SHORT.run_id}&beside=flat")
    expect(shown.page.locator(".scene-view")).to_have_count(1)
    flat = changed(SHORT, {"net.kind": "flat"})
    assert flat.run_id not in {run.run_id for run in shown.app.store.list_runs()}
    shown.page.get_by_text(re.compile(rf"not here yet:\W*{re.escape(flat.label)}")).wait_for()
    shown.page.get_by_role("button", name=re.compile(r"Train it \(about")).click()
    expect(shown.page.locator(".scene-view")).to_have_count(2)
    app.train(flat)
    until(lambda: shown.at_rest()["views"][1].get("epoch") == 3, "the trained net")
    raw = np.random.default_rng(5).uniform(*plane(data_of(flat)), (50, 2))
    for view, run in enumerate((SHORT, flat)):
        wanted = answers(net_of(shown.app, run), data_of(run), raw)
        np.testing.assert_allclose(shown.at_points(raw, view)["logits"], wanted["logits"], atol=CLOSE)


def test_a_decision_tree_beside(app: App, window: Visit) -> None:
    data, run = data_of(EXAMPLE), changed(EXAMPLE, {"net.kind": "decision_tree"})
    app.train(run)
    shown = Scene(window.page, app).load("?beside=decision_tree")
    expect(shown.page.locator(".scene-view")).to_have_count(2)
    model = fit(run)
    assert model is not None
    raw = np.random.default_rng(6).uniform(*plane(data), (200, 2))
    x = data.standardize(raw)
    got = shown.at_points(raw, 1)
    np.testing.assert_allclose(got["shares"], model.estimator.predict_proba(x), atol=1e-9)
    paths = model.estimator.decision_path(x)
    assert [sorted(nodes) for nodes in got["nodes"]] == [sorted(paths[i].indices.tolist()) for i in range(200)]
    seen = shown.point_at(SPOTS[2])["views"][1]
    n_nodes = model.estimator.tree_.node_count
    path = model.estimator.decision_path(data.standardize([seen["raw"]])).indices
    assert shown.text(".scene-sentence", 1).startswith(f"This point passes {len(path)} of {n_nodes} nodes.")
    right = float(np.mean(model.estimator.predict(data.test.x) == data.test.y))
    assert abs(shown.score(1)[0] - right) < 0.000501
