"""Tools of the editor: what they change is taken back, and a figure that is drawn again says what changed."""

import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from leafscope.app.citing import again
from leafscope.app.decks import figure_parts
from leafscope.app.decks.editing import redraw, what_if
from leafscope.app.theme import Look
from leafscope.core.errors import StoreError
from leafscope.core.store.decks import MAX_SLIDES, Slide
from leafscope.core.store.store import Store
from tests.pages.harness import Lab, open_page, press, run_app, small, words

HOSTILE = "</script><img src=x onerror=alert(1)> [a](http://evil.example) =1+1 \u202e"
SLIDES = [
    Slide(kind="title", title=HOSTILE),
    Slide(kind="figure", title="A figure", figure={"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}),
    Slide(kind="text", title="Last", text="- one"),
]


def titles(lab: Lab, deck_id: str) -> list[str]:
    return [slide.title for slide in lab.store.slides(deck_id).values()]


def test_a_copy_stands_behind_its_slide_and_every_change_is_taken_back(lab: Lab) -> None:
    deck_id = lab.store.make_deck("Talk", SLIDES)
    before = lab.store.slides(deck_id)
    at = open_page("present", deck=deck_id, slide=2)
    assert at.button(key="_deck_undo").disabled
    press(at, "_slide_copy")
    assert titles(lab, deck_id) == [HOSTILE, "A figure", "A figure", "Last"]
    press(at, "_slide_down")
    press(at, "_new_text")
    assert len(titles(lab, deck_id)) == 5
    for _ in range(3):
        press(at, "_deck_undo")
    assert lab.store.slides(deck_id) == before
    assert at.button(key="_deck_undo").disabled


def test_a_deleted_figure_comes_back_with_its_drawing(lab: Lab) -> None:
    deck_id = lab.store.make_deck("Talk", SLIDES)
    before = lab.store.slides(deck_id)
    at = open_page("present", deck=deck_id, slide=2)
    press(at, f"_slide_{list(before)[1]}_delete")
    assert titles(lab, deck_id) == [HOSTILE, "Last"]
    press(at, "_deck_undo")
    assert lab.store.slides(deck_id) == before


def test_a_change_that_cannot_be_saved_now_is_said_and_saved_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    deck_id = lab.store.make_deck("Talk", SLIDES[2:])
    at = open_page("present", deck=deck_id)
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise StoreError("the disk is full", can_pass=True)

        patch.setattr(Store, "change_slide", full)
        patch.setattr(Store, "can_write", lambda store: setattr(store, "write_fault", "the disk is full"))
        next(field for field in at.text_input if field.label == "Title").set_value("Kept")
        run_app(at)
        assert "the disk is full. What you changed is kept here" in words(at)
        patch.setattr(lab.store, "write_fault", None)
    assert titles(lab, deck_id) == ["Last"]
    run_app(at)
    assert titles(lab, deck_id) == ["Kept"]
    press(at, "_deck_undo")
    assert titles(lab, deck_id) == ["Last"]


def test_slides_of_another_deck_are_copied_behind_these(lab: Lab) -> None:
    other = lab.store.make_deck(HOSTILE, SLIDES)
    deck_id = lab.store.make_deck("Talk", SLIDES[2:])
    at = open_page("present", deck=deck_id)
    press(at, "_add_deck")
    assert titles(lab, deck_id) == ["Last", HOSTILE, "A figure", "Last"]
    assert len({*lab.store.slides(deck_id), *lab.store.slides(other)}) == 7, "copies have addresses of their own"


def test_a_full_deck_takes_no_more_and_says_so(lab: Lab) -> None:
    lab.store.make_deck("Other", SLIDES)
    deck_id = lab.store.make_deck("Talk", [Slide(kind="text", title=str(n)) for n in range(MAX_SLIDES - 1)])
    at = press(open_page("present", deck=deck_id), "_add_deck")
    assert len(titles(lab, deck_id)) == MAX_SLIDES - 1
    assert "at most 200 slides" in words(at)
    assert at.button(key="_deck_undo").disabled


def test_a_figure_is_drawn_again_in_another_look_and_says_that_it_is_the_same(lab: Lab) -> None:
    run = lab.finish(small())
    press(open_page("balance", run=run.run_id), "lorenz_deck")
    (info,) = lab.store.decks()
    ((slide_id, slide),) = lab.store.slides(info.deck_id).items()
    gone = slide.model_copy(update={"source": "gone"})
    mine = slide.model_copy(update={"title": HOSTILE})
    found = dict(redraw.redrawn({slide_id: mine, "other": gone}, Look(dark=True, projector=True)))
    new = found[slide_id]
    assert isinstance(new, Slide)
    assert (new.title, new.dark, new.projector, new.digest) == (HOSTILE, True, True, slide.digest)
    assert new.figure != slide.figure
    assert "shows no figure 'gone'" in str(found["other"])
    assert redraw.what_changed(slide, new).startswith("Its numbers and runs are the same, bit for bit.")


def test_a_figure_gets_a_control_over_the_runs_that_differ_in_one_setting(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [lab.finish(small(depth=depth)) for depth in (1, 2, 3)]
    lab.finish(small(depth=3, seed=1))
    press(open_page("balance", run=runs[1].run_id), "lorenz_deck")
    (info,) = lab.store.decks()
    ((slide_id, slide),) = lab.store.slides(info.deck_id).items()
    found = what_if.controls(slide)
    assert list(found) == ["epoch", "net.depth"]
    assert list(found["epoch"]) == ["0", "1", "2", "3"]
    assert [again.place(address)[1]["run"] for address in found["net.depth"].values()] == [run.run_id for run in runs]
    assert all(again.place(address)[0] == "balance" for address in found["net.depth"].values())

    asked: list[str] = []

    def drawn(slides: Mapping[str, Slide], _look: Look, keep: Sequence[str]) -> Iterator[tuple[str, Slide | str]]:
        assert keep == ()
        for value, one in slides.items():
            asked.append(one.address)
            yield value, HOSTILE if value == "2" else one.model_copy(update={"title": f"Of {value}"})

    monkeypatch.setattr(redraw, "redrawn", drawn)
    at = open_page("present", deck=info.deck_id, slide=1)
    run_app(at.selectbox(key=f"_slide_{slide_id}_vary").select("net.depth") and at)
    press(at, f"_slide_{slide_id}_states_drawn")
    assert asked == list(found["net.depth"].values())
    made = lab.store.slides(info.deck_id)[slide_id]
    assert made.kind == "states"
    assert made.figure is not None
    assert made.figure["control"] == "depth K"
    assert [(state["name"], state.get("title")) for state in made.figure["states"]] == [("1", None), ("3", None)]
    assert "Left out: depth K 2:" in words(at)
    press(at, "_deck_undo")
    assert lab.store.slides(info.deck_id)[slide_id] == slide


def test_titles_follow_the_state_unless_a_person_wrote_one() -> None:
    drawn = {value: Slide(kind="figure", title=f"K = {value}", figure={"data": []}) for value in "12"}
    for title, own in (("K = 2", ["K = 1", "K = 2"]), ("Mine", [None, None])):
        made = figure_parts.in_states(Slide(kind="figure", title=title, caption="x"), "depth", drawn)
        assert made.figure is not None
        assert [state.get("title") for state in made.figure["states"]] == own
        assert made.title == title


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"digest": "", "numbers": ""}, "It kept no numbers before"),
        ({"digest": "0"}, "It shows other runs, with equal numbers"),
        ({"digest": "0", "numbers": '{"columns":["x"],"rows":[[2.0]]}'}, "the largest difference is 1 (50 percent)"),
        ({"digest": "0", "numbers": ""}, "Its numbers differ"),
        ({"versions": {"torch": "1"}}, "Versions: torch 1 then, 2 now."),
        ({"taken": time.time() - 3 * 86_400 - 60}, "drawn 3 days ago"),
    ],
)
def test_what_changed_is_said_in_words(changes: dict[str, object], said: str) -> None:
    now = Slide(kind="figure", digest="1", numbers='{"columns":["x"],"rows":[[1.0]]}', versions={"torch": "2"})
    assert said in redraw.what_changed(now.model_copy(update=changes), now)
