"""Present: what its buttons do to the deck, and what "Add to deck" keeps of a figure, from every page."""

import json
import re
from typing import Any

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from leafscope.app.decks import snapshot
from leafscope.core.config import SweepConfig
from leafscope.core.store.decks import Slide
from tests.pages.harness import (
    Lab,
    chart_keys,
    decoded,
    go,
    open_page,
    param,
    press,
    run_app,
    small,
    words,
)

HOSTILE = "<img src=http://a.b/c.png onerror=x> ![x](http://a.b/c.png) **b** \u202eevil\n" + "w" * 9_000


def slides(lab: Lab, deck_id: str) -> list[Slide]:
    return list(lab.store.slides(deck_id).values())


def titles(lab: Lab, deck_id: str) -> list[str]:
    return [slide.title for slide in slides(lab, deck_id)]


def talk(lab: Lab, *names: str, deck: str = "Talk") -> str:
    """A deck of text slides with these titles."""
    return lab.store.make_deck(deck, [Slide(kind="text", title=name, text=f"- {name}") for name in names])


def opened(app: AppTest) -> str:
    """The address of the open slide, by the keys of its fields."""
    (key,) = (str(field.key) for field in app.text_input if re.fullmatch(r"_slide_[0-9a-f]+_title", str(field.key)))
    return key.removeprefix("_slide_").removesuffix("_title")


# Where nothing is there


def test_no_deck_and_no_sweep(lab: Lab) -> None:
    app = open_page("present")
    said = words(app)
    assert "This page will show your slides" in said
    assert not [button for button in app.button if button.key in ("_make_talk", "_first_deck", "_present")]
    assert app.button(key="_first_sweep").label == "Train the first sweep"
    press(app, "_new_deck")
    (deck,) = lab.store.decks()
    assert (deck.name, param(app, "deck")) == ("Deck 1", deck.deck_id)
    assert "This deck has no slides yet" in words(app)
    assert app.button(key="_present").disabled
    press(app, "_new_deck")
    assert sorted(info.name for info in lab.store.decks()) == ["Deck 1", "Deck 2"]


def test_no_deck_but_a_sweep(lab: Lab) -> None:
    name = "depths <b>![x](http://a.b/c.png)"
    run = small("moons", epochs=2)
    sweep = SweepConfig(name=name, base=run, axes={"net.depth": [0, 2], "seed": [0, 1]})
    from leafscope.core.sweep.members import expand

    lab.store.submit_sweep(sweep, [member.run for member in expand(sweep)])
    app = open_page("present")
    assert f"From the sweep {name}" in words(app)
    assert app.button(key="_first_deck").label == "Make “A ten-minute talk”"
    press(app, "_first_deck")
    # nothing is trained yet, which the deck says itself
    (info,) = lab.store.decks()
    assert info.name == f"A ten-minute talk: {name}"
    assert param(app, "deck") == info.deck_id
    assert info.n_slides > 0
    assert app.button(key="_make_talk").label == "Make this talk"


def test_unknown_deck(lab: Lab) -> None:
    app = open_page("present", deck="x`![y](http://a.b/c.png)")
    assert "There is no deck" in words(app)
    (error,) = app.error
    assert error.value.count("`") == 4
    assert not [button for button in app.button if button.label == "Show the newest deck"]
    deck_id = talk(lab, "One")
    app = open_page("present", deck="0123456789abcdef", slide=7)
    press(app, "Show the newest deck")
    assert param(app, "deck") == deck_id
    assert not app.error


# Slides


def test_title_text_and_formula_slides(lab: Lab) -> None:
    deck_id = lab.store.make_deck("Talk")
    app = open_page("present", deck=deck_id)
    for number, kind in enumerate(("title", "text", "formula"), start=1):
        press(app, f"_new_{kind}")
        assert [slide.kind for slide in slides(lab, deck_id)][-1] == kind
        assert param(app, "slide") == (str(number))
        assert opened(app) == list(lab.store.slides(deck_id))[-1]
    assert not app.error


def test_fields_are_kept(lab: Lab) -> None:
    deck_id = lab.store.make_deck(
        "Talk", [Slide(kind="formula", title="A", text="x^2"), Slide(kind="text", title="B", text="- a")]
    )
    first, second = lab.store.slides(deck_id)
    app = open_page("present", deck=deck_id)
    app.text_input(key=f"_slide_{first}_title").set_value("Squares")
    run_app(app)
    for name, value in (("caption", "A square."), ("text", r"\sum_l y_l"), ("notes", "Say it slowly.\nTwice.")):
        app.text_area(key=f"_slide_{first}_{name}").set_value(value)
        run_app(app)
    now = lab.store.slides(deck_id)[first]
    assert (now.title, now.caption, now.text, now.notes) == ("Squares", "A square.", r"\sum_l y_l", "Say it slowly.\nTwice.")
    assert not app.error
    app.text_area(key=f"_slide_{first}_text").set_value(r"\frac{x")
    run_app(app)
    assert len(app.error) == 1  # a wrong formula is kept, and said
    assert lab.store.slides(deck_id)[first].text == r"\frac{x"
    app.query_params["slide"] = "2"
    run_app(app)
    assert (opened(app), param(app, "slide")) == (second, "2")
    assert not app.error
    app.checkbox(key=f"_slide_{second}_reveal").check()
    run_app(app)
    assert lab.store.slides(deck_id)[second].reveal
    app.text_area(key=f"_slide_{second}_text").set_value("w" * 20_001)
    run_app(app)
    assert "text must have at most 20,000 characters, got 20,001" in words(app)
    assert lab.store.slides(deck_id)[second].text == "- a"


def test_order(lab: Lab) -> None:
    deck_id = talk(lab, "A", "B", "C")
    app = open_page("present", deck=deck_id)
    assert app.button(key="_slide_up").disabled
    press(app, "_slide_down")
    assert titles(lab, deck_id) == ["B", "A", "C"]
    assert param(app, "slide") == "2"  # the one that was moved stays open
    press(app, "_slide_down")
    assert titles(lab, deck_id) == ["B", "C", "A"]
    assert app.button(key="_slide_down").disabled
    press(app, "_slide_up")
    assert titles(lab, deck_id) == ["B", "A", "C"]
    press(app, f"_slide_{opened(app)}_delete")
    assert titles(lab, deck_id) == ["B", "C"]
    for _ in range(2):
        press(app, f"_slide_{opened(app)}_delete")
    assert titles(lab, deck_id) == []
    assert "This deck has no slides yet" in words(app)


@pytest.mark.parametrize(("asked", "place"), [("0", 0), ("2", 1), ("99", 2), ("9" * 400, 0), ("²", 0)])
def test_number_of_the_slide(lab: Lab, asked: str, place: int) -> None:
    deck_id = talk(lab, "A", "B", "C")
    app = open_page("present", deck=deck_id, slide=asked)
    assert opened(app) == list(lab.store.slides(deck_id))[place]


# Decks


def test_rename(lab: Lab) -> None:
    deck_id = talk(lab, "A")
    app = open_page("present", deck=deck_id)
    app.text_input(key=f"_deck_name_{deck_id}").set_value("  My talk ")
    run_app(app)
    assert lab.store.deck(deck_id).name == "My talk"
    app.text_input(key=f"_deck_name_{deck_id}").set_value("   ")
    run_app(app)
    assert "a deck's name must have from 1 to 10,000 characters, got 0" in words(app)
    assert lab.store.deck(deck_id).name == app.text_input(key=f"_deck_name_{deck_id}").value == "My talk"


def test_deletion_asks_first(lab: Lab) -> None:
    kept, deck_id = talk(lab, "A", deck="Kept"), talk(lab, "A", "B", deck="Old [x](http://a.b)")
    app = press(open_page("present", deck=deck_id), "_delete_deck")
    assert "Old [x](http://a.b) and its 2 slides will be deleted. This cannot be undone." in words(app)
    assert len(lab.store.decks()) == 2
    # the dialog's buttons live in the run that opened it
    app.button(key="_delete_deck").click()
    press(app, "_really_delete_deck")
    assert [info.deck_id for info in lab.store.decks()] == [kept]
    assert lab.store.slides(deck_id) == {}
    assert param(app, "deck") == kept


def test_other_deck_is_opened(lab: Lab) -> None:
    first, second = talk(lab, "A", "B", deck="First"), talk(lab, "C", deck="Second")
    app = open_page("present", deck=first, slide=2)
    app.selectbox(key="_picked_deck").set_value(second)
    run_app(app)
    assert (param(app, "deck"), param(app, "slide")) == (second, None)
    assert app.text_input(key=f"_deck_name_{second}").value == "Second"


def test_press_before_the_new_names_are_drawn(lab: Lab) -> None:
    """A browser sends the words it shows: those of a deck that has just been renamed choose nothing."""
    deck_id, _ = talk(lab, "A", deck="Old name"), talk(lab, "B", deck="Other")
    app = open_page("present", deck=deck_id)
    old = app.selectbox(key="_picked_deck").options
    app.text_input(key=f"_deck_name_{deck_id}").set_value("New name")
    run_app(app)
    picker = app.selectbox(key="_picked_deck")
    assert picker.options != old
    picker.options = old
    picker.set_value(next(said for said in old if said.startswith("Old name")))
    press(app, "_new_text")
    assert "There is no deck" not in words(app)
    assert param(app, "deck") == app.selectbox(key="_picked_deck").value == deck_id
    assert len(titles(lab, deck_id)) == 2


def test_two_sessions_change_one_deck(lab: Lab) -> None:
    deck_id = talk(lab, "A", "B", "C")
    ids = list(lab.store.slides(deck_id))
    one, other = (open_page("present", deck=deck_id, slide=2) for _ in range(2))
    press(one, f"_slide_{ids[1]}_delete")
    # the other still shows the slide that is gone
    other.text_input(key=f"_slide_{ids[1]}_title").set_value("changed")
    run_app(other)
    assert "it was deleted" in words(other)
    assert titles(lab, deck_id) == ["A", "C"]
    press(one, "_new_title")
    press(other, "_slide_up")
    assert titles(lab, deck_id)[0] == "C"
    assert len(titles(lab, deck_id)) == 3
    lab.store.delete_deck(deck_id)
    run_app(other)
    assert "There is no deck" in words(other)
    press(one, "_new_text")
    assert "no deck has the address" in words(one)


# On the screen, and as a file


def frame(app: AppTest) -> str:
    """The document in the page's frame."""
    (element,) = app.get("iframe")
    return str(element.proto.srcdoc)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each download button would save, by its file name; those in columns too."""
    saved: dict[str, Any] = {}
    real = DeltaGenerator.download_button

    def download_button(self: Any, label: str, data: Any, *rest: Any, **options: Any) -> Any:
        saved[str(options["file_name"])] = data
        return real(self, label, data, *rest, **options)

    monkeypatch.setattr(DeltaGenerator, "download_button", download_button)
    return saved


def test_shown(lab: Lab, files: dict[str, Any]) -> None:
    deck_id = talk(lab, "Erster", "Zweiter", deck="My <deck>")
    app = open_page("present", deck=deck_id, show=1)
    document = frame(app)
    for text in ("Erster", "Zweiter", '<main id="stage">', "slide-3"):
        assert text in document
    assert not app.title
    assert not [field for field in app.text_input if str(field.key).startswith("_slide_")]
    press(app, "_close_deck")
    assert param(app, "show") is None
    assert not app.get("iframe")
    press(app, "_present")
    assert param(app, "show") == "1"
    assert frame(app)
    saved = files["My-deck.html"]().decode()
    assert "Erster" in saved
    assert all(words in saved for words in ("Zweiter", '<main id="stage">', "slide-3"))


@pytest.mark.parametrize("show", ["2", "<img>"])
def test_not_shown(lab: Lab, show: str) -> None:
    app = open_page("present", deck=talk(lab, "A"), show=show)
    assert not app.get("iframe")
    assert app.title


def test_deck_without_slides_is_not_shown(lab: Lab) -> None:
    app = open_page("present", deck=lab.store.make_deck("Empty"), show=1)
    assert not app.get("iframe")
    assert "This deck has no slides yet" in words(app)


def test_hostile_texts_are_text(lab: Lab) -> None:
    figure = {"data": [{"type": "scatter", "x": [1], "y": [1]}], "layout": {}}
    fields: dict[str, Any] = {"title": HOSTILE, "caption": HOSTILE, "notes": HOSTILE, "address": HOSTILE, "text": HOSTILE}
    content = [
        Slide(kind=kind, **fields, figure=figure if kind == "figure" else None)
        for kind in ("title", "text", "formula", "figure")
    ]
    deck_id = lab.store.make_deck(HOSTILE, content)
    for number in range(1, 5):
        app = open_page("present", deck=deck_id, slide=number)
        press(app, "_delete_deck")
        texts = [
            str(element.value)
            for kind in ("title", "markdown", "caption", "error", "info", "toast")
            for element in getattr(app, kind)
        ]
        texts += [str(element.proto.label) for element in app.get("page_link")]
        assert any("src" in text for text in texts)
        for text in texts:
            assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(|(?<!\\)<img|(?<!\\)\*\*b", text), text[:200]
            assert "\u202e" not in text
            assert len(text) < 2_000
        for box in app.selectbox:
            assert all("\u202e" not in option and len(option) < 200 for option in box.options)
    document = frame(open_page("present", deck=deck_id, show=1))
    assert "<img" not in document.replace('"<img', "").partition("<script>")[0]


# Add to deck


def added(lab: Lab, app: AppTest, key: str) -> Slide:
    """Press "Add to deck" of a figure; the slide that it makes."""
    press(app, f"{key}_deck")
    assert re.search(r"Added to My deck as slide \d+\.", words(app))
    (info,) = lab.store.decks()
    return slides(lab, info.deck_id)[-1]


def configurations(slide: Slide) -> list[str]:
    from leafscope.core.config import RunConfig

    return [RunConfig.model_validate_json(text).run_id for text in slide.runs]


def test_figures_of_every_page(lab: Lab) -> None:
    runs = [small(seed=seed, epochs=2) for seed in (0, 1)]
    for run in runs:
        lab.finish(run)
    shown = runs[0].run_id
    for page, key, subject in (
        ("playground", "live_curves_table", "training and"),
        ("leaves", "icicle", "prefix"),
        ("balance", None, "random hyperplanes"),
        ("compare", "curves_figure", "Mean over the seeds"),
    ):
        asked: dict[str, Any] = {"view": "curves"} if page == "compare" else {"run": shown}
        app = open_page(page, **asked)
        one = key or next(str(button.key).removesuffix("_deck") for button in app.button if str(button.key).endswith("_deck"))
        slide = added(lab, app, one)
        assert slide.kind == "figure"
        assert slide.title
        assert subject in slide.caption
        assert "Click" not in slide.caption
        assert configurations(slide) == ([run.run_id for run in reversed(runs)] if page == "compare" else [shown])
        assert slide.versions == snapshot.versions()
        assert slide.taken > 0
        assert slide.notes
        assert slide.figure is not None
        assert slide.figure["data"]
        assert "title" not in slide.figure["layout"]
        assert "plan=" not in slide.address
        if page != "playground":  # whose live chart says it to screen readers only
            assert slide.notes in words(app)
    (info,) = lab.store.decks()
    assert info.n_slides == 4
    curves = slides(lab, info.deck_id)[0].figure
    assert curves is not None
    drawn = {trace["name"]: trace for trace in curves["data"] if trace.get("name")}
    history = lab.store.history(shown)
    losses = history[(history["metric"] == "loss") & (history["split"] == "validation")]["value"].tolist()
    assert any(decoded(trace["y"]).tolist() == pytest.approx(losses) for trace in drawn.values() if "y" in trace)
    app = open_page("present", deck=info.deck_id)
    for place in range(4):
        app.query_params["slide"] = str(place + 1)
        run_app(app)
        assert chart_keys(app)


def test_figure_goes_to_the_deck_that_is_worked_on(lab: Lab) -> None:
    run = lab.finish(small(epochs=2))
    old, new = talk(lab, "A", deck="Old"), talk(lab, "A", deck="New")
    app = open_page("present", deck=old)
    go(app, "playground")
    press(app, "live_curves_table_deck")
    assert "Added to Old as slide 2" in words(app)
    assert [len(slides(lab, deck_id)) for deck_id in (old, new)] == [2, 1]
    # another session that chose no deck takes the one changed last; when that is gone, the one that is left
    other = open_page("playground", run=run.run_id)
    lab.store.delete_deck(old)
    press(other, "live_curves_table_deck")
    assert "Added to New as slide 2" in words(other)
    content = json.loads(json.dumps(slides(lab, new)[1].figure))
    assert content["data"]


# Figures that answer


def curve(name: str, run: str) -> Slide:
    """A figure of one line."""
    figure = {"data": [{"type": "scatter", "mode": "lines", "name": name, "x": [0, 1], "y": [1, 2]}], "layout": {}}
    return Slide(kind="figure", title="Loss", figure=figure, runs=(run,))


def test_figures_are_joined_into_states_whose_names_can_be_changed(lab: Lab) -> None:
    runs = [json.dumps({"net": {"depth": depth}}) for depth in (2, 5)]
    deck_id = lab.store.make_deck("Talk", [curve("tree", run) for run in runs])
    app = open_page("present", deck=deck_id, slide=2)
    second = opened(app)
    press(app, f"_slide_{second}_join")
    (slide,) = slides(lab, deck_id)
    assert (slide.kind, slide.runs) == ("states", tuple(runs))
    app = open_page("present", deck=deck_id)
    first = opened(app)
    assert app.text_input(key=f"_slide_{first}_control").value == "depth"
    app.text_area(key=f"_slide_{first}_states").set_value(f"two\n{HOSTILE}")
    run_app(app)
    (slide,) = slides(lab, deck_id)
    assert slide.figure is not None
    names = [state["name"] for state in slide.figure["states"]]
    assert names[0] == "two"
    assert len(names[1]) <= 60
    app.checkbox(key=f"_slide_{first}_beside").check()
    run_app(app)
    assert len(chart_keys(app)) == 2  # both figures at once
    (slide,) = slides(lab, deck_id)
    assert slide.figure is not None
    assert slide.figure["beside"]
    assert [state["name"] for state in slide.figure["states"]] == names


def test_a_series_is_chosen_to_be_guessed(lab: Lab) -> None:
    deck_id = lab.store.make_deck("Talk", [curve(HOSTILE[:40], "{}")])
    app = open_page("present", deck=deck_id)
    choice = app.selectbox(key=f"_slide_{opened(app)}_guess")
    assert len(choice.options) == 2
    choice.select_index(1)
    run_app(app)
    (slide,) = slides(lab, deck_id)
    assert slide.guess
    assert slide.guess == choice.value
