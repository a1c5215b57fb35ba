import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.shared.interval_lines import grey
from leafscope.app.theme import Look
from tests.app.figures.drawn import bands, named, title
from tests.app.figures.overfitting.tables import NAN, error_seeds, errors


def test_lines_are_the_table_in_percent_and_panels_share_the_scale() -> None:
    shown = ErrorByDepth(errors())
    figure, table = shown.figure(), shown.table()
    assert (table["unit"] == "percent").all()
    for split, line in zip(("test", "train"), named(figure, "tree")):
        rows = table[(table["model"] == "tree") & (table["split"] == split)]
        assert list(line.x) == rows["depth"].tolist() == [0, 1, 2]
        assert list(line.y) == rows["mean"].tolist()
        assert line.line.dash == theme.SPLIT_DASHES[split]
        assert line.line.color == theme.model_colour("tree")
    assert list(named(figure, "tree")[0].y) == pytest.approx([30.0, 25.0, 20.0])
    assert figure.layout.yaxis2.matches == "y"
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert figure.layout.xaxis.dtick == 1


def test_bands_run_from_low_to_high_at_the_opacity_of_bands() -> None:
    band = bands(ErrorByDepth(errors(), lit=["tree"]).figure())[0]
    assert list(band.x) == [0, 1, 2, 2, 1, 0]
    assert list(band.y) == pytest.approx([32, 27, 22, 18, 23, 28])
    assert band.fillcolor == theme.faded(theme.model_colour("tree"), theme.BAND_OPACITY)


def test_a_missing_interval_parts_the_band_and_one_alone_is_a_stroke() -> None:
    table = errors()
    table.loc[(table["model"] == "tree") & (table["depth"] == 1), ["low", "high"]] = NAN
    parts = bands(ErrorByDepth(table, lit=["tree"]).figure())
    assert [list(part.x) for part in parts[:2]] == [[0, 0], [2, 2]]
    assert all(part.line.width > 0 for part in parts)


def test_a_missing_mean_leaves_a_gap() -> None:
    table = errors()
    table.loc[(table["model"] == "tree") & (table["depth"] == 1), ["mean", "low", "high"]] = NAN
    line = named(ErrorByDepth(table).figure(), "tree")[0]
    assert np.isnan(line.y[1])
    assert not line.connectgaps


def test_a_model_without_depth_is_a_level_line_from_edge_to_edge() -> None:
    figure = ErrorByDepth(errors()).figure()
    line = named(figure, "dense, same multiply-adds")[0]
    assert (line.x[0], line.x[-1]) == figure.layout.xaxis.range
    assert list(line.y) == pytest.approx([25.0] * len(line.x))
    assert "every depth" in line.hovertext[0]
    alone = ErrorByDepth(errors().query("model == 'dense'")).figure()
    assert alone.layout.xaxis.range[0] < alone.layout.xaxis.range[1]


def test_at_most_three_models_are_lit_and_the_rest_is_grey() -> None:
    figure = ErrorByDepth(errors(), lit=["flat"]).figure()
    assert named(figure, "flat")[0].line.color == theme.model_colour("flat")
    assert named(figure, "tree")[0].line.color == grey(theme.SCREEN)
    assert figure.data[-1].name == "flat"
    assert "grey: other models" in title(figure)
    fallback = ErrorByDepth(errors()).figure()
    assert named(fallback, "logistic regression")[0].line.color == grey(theme.SCREEN)
    with pytest.raises(ValueError, match=r"lit must name at most 3 models, got 4"):
        ErrorByDepth(errors(), lit=["tree", "flat", "dense", "logistic"])


def test_a_model_without_any_mean_takes_no_colour_from_others() -> None:
    table = errors()
    table.loc[table["model"] == "tree", "mean"] = NAN
    shown = ErrorByDepth(table)
    assert named(shown.figure(), "logistic regression")[0].line.color == theme.model_colour("logistic")
    assert "logistic regression 45.0 %" in shown.sentence()


def test_all_lines_are_labelled_in_both_panels() -> None:
    labels = [(a.text, a.xref) for a in ErrorByDepth(errors(), lit=["tree"]).figure().layout.annotations if a.showarrow]
    assert {("tree", "x"), ("tree", "x2"), ("flat", "x"), ("flat", "x2")} <= set(labels)


def test_seeds_are_thin_lines_of_lit_models_only() -> None:
    figure = ErrorByDepth(errors(), error_seeds(), lit=["tree", "dense"]).figure()
    thin = named(figure, "seeds")
    assert [trace.opacity for trace in thin] == [theme.SEED_OPACITY] * 3
    first = next(trace for trace in thin if trace.line.color == theme.model_colour("tree"))
    assert list(first.x) == [0, 1, None, 0, 1, None]
    assert [y for y in first.y if y is not None] == pytest.approx([30, 25, 31, 26])
    assert figure.layout.yaxis.range[1] < 90


def test_the_chosen_depth_is_marked_in_both_panels() -> None:
    shown = ErrorByDepth(errors(), chosen=1)
    figure = shown.figure()
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(1, 1), (1, 1)]
    texts = [a.text.replace("<br>", " ") for a in figure.layout.annotations]
    assert "chosen on validation: K = 1" in texts
    assert "K = 1 chosen on validation" in title(shown.figure(look=Look(projector=True)))


def test_sentence_at_the_chosen_depth_has_both_errors() -> None:
    sentence = ErrorByDepth(errors(), chosen=1, lit=["tree", "dense"]).sentence()
    assert "K = 1, chosen on validation" in sentence
    assert "tree 25.0 % [23.0 %, 27.0 %], n = 5 (training 12.0 %)" in sentence
    assert "dense, same multiply-adds 25.0 % [23.0 %, 27.0 %], n = 5 (training 15.0 %)" in sentence
    assert "flat" not in sentence


def test_sentence_without_a_choice_has_the_first_and_the_last_depth() -> None:
    sentence = ErrorByDepth(errors(1), lit=["tree", "logistic"]).sentence()
    assert "from K = 0 to 2" in sentence
    assert "tree from 30.0 %, one seed (training 20.0 %) to 20.0 %, one seed (training 4.0 %)" in sentence
    assert "logistic regression 45.0 %, one seed, the same at every depth" in sentence


def test_sentence_names_the_depths_of_a_model_that_has_fewer() -> None:
    table = errors()
    less = table[~((table["model"] == "flat") & (table["depth"] == 2))]
    assert "flat from 40.0 % [38.0 %, 42.0 %], n = 5 (training 30.0 %)" in ErrorByDepth(less).sentence()
    assert "from K = 0 to 1" in ErrorByDepth(less).sentence()
    alone = table[~((table["model"] == "flat") & (table["depth"] > 0))]
    assert "(training 30.0 %) at K = 0" in ErrorByDepth(alone).sentence()


def test_no_error_at_the_chosen_depth_is_said() -> None:
    assert ErrorByDepth(errors().query("model == 'tree'"), chosen=9).sentence() == "No test error is recorded yet at K = 9."


def test_on_a_phone_panels_keep_their_room_and_what_has_no_room_is_in_the_subtitle() -> None:
    wide, phone = (ErrorByDepth(errors(), lit=["tree"], chosen=1).figure(look=Look(width=width)) for width in (1000, 350))
    for figure, labels in ((wide, 2), (phone, 1)):
        ends = [note for note in figure.layout.annotations if note.text == "tree"]
        assert len(ends) == labels
        said = "K = 1 chosen on validation" in title(figure)
        assert said != any("chosen on validation" in note.text for note in figure.layout.annotations)
        first, second = (figure.layout[axis].domain for axis in ("xaxis", "xaxis2"))
        assert first[1] < second[0]
    px = (phone.layout.xaxis.domain[1] - phone.layout.xaxis.domain[0]) * (350 - phone.layout.margin.r - 63)
    assert px > 60
