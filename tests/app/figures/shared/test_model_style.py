from leafscope.app import theme
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.theme import Look
from leafscope.core.models import lines
from tests.app.figures.test_contract import LOOKS


def test_models_look_apart_and_are_named_apart() -> None:
    assert len({model_words(model) for model in lines()}) == len(lines())
    assert model_words("flat", "x") == "flat (x)"
    assert model_words("new") == "new"
    for look in LOOKS:
        styles = [model_style(model, "", look) for model in lines()]
        assert len({(style["colour"], style["marker"]) for style in styles}) == len(lines())


def test_the_control_of_a_model_has_its_colour_and_a_hollow_marker() -> None:
    look = Look()
    for model, of in (("random_gates", "tree"), ("decision_tree_pruned", "decision_tree"), ("dense_capacity", "dense")):
        style, other = model_style(model, "", look), model_style(of, "", look)
        assert style["colour"] == other["colour"]
        assert style["marker"] == f"{other['marker']}-open"
        assert style["width"] < other["width"]
    assert model_style("random_forest", "", look)["colour"] == theme.model_colour("ensemble")
    assert model_style("logistic", "", look)["width"] < model_style("dense", "", look)["width"]
