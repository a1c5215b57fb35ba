"""The deck's file: its structure, what hostile texts become, and what its last slides state."""

import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from leafscope.app import theme
from leafscope.app.decks.as_html import HEADING, MAX_FACT_SLIDES, deck_html
from leafscope.app.decks.provenance import Fact, facts, utc_date
from leafscope.app.decks.snapshot import snapshot
from leafscope.app.figures.run.learning_curves import LearningCurves
from leafscope.app.theme import SCREEN, Look
from leafscope.core.config import RunConfig, SweepConfig, changed
from leafscope.core.store.decks import Slide

MADE = 1732467169.0  # 24 November 2024, 16:52:49 UTC
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=http://evil.example/x onerror=alert(1)>",
    "<!-- <script>",
    '"><svg onload=alert(1)>',
    "![x](http://evil.example/x.png)",
    "\u202eabc\u2028def\x00\nghi",
    "</style><style>*{background:url(http://evil.example/)}",
    "$x$ &amp; </title>",
    "w" * 10_000,
]
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements with their attributes and own text, and whether each is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text.replace(get_plotlyjs(), ""))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), attrs
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for one, attributes in self.found
            if one == tag and all(attributes.get(k) == v for k, v in wanted.items())
        ]

    def visible(self) -> str:
        return "\n".join(data for tag, data in self.texts if tag not in ("script", "style"))

    def scripts(self) -> list[str]:
        return [data for tag, data in self.texts if tag == "script"]


def figure_slide(look: Look = SCREEN, **changes: Any) -> Slide:
    curves = {"train": [2.0, 1.0, 0.5], "test": [2.0, 1.5, 1.2]}
    figure = LearningCurves([0, 1, 2], curves, metric="loss").figure(subject="digits", look=look)
    return snapshot(figure, look=look, runs=[RunConfig()]).model_copy(update=changes)


def lines(slides: list[Slide]) -> list[str]:
    return [fact.text for fact in facts(slides, MADE)]


def under(heading: str, slides: list[Slide]) -> list[str]:
    """The lines below a heading, up to the next one."""
    listed = facts(slides, MADE)
    after = listed[listed.index(Fact(heading, heading=True)) + 1 :]
    return [fact.text for fact in itertools.takewhile(lambda fact: not fact.heading, after)]


def run_slide(*runs: RunConfig, **changes: Any) -> Slide:
    texts = tuple(run.model_dump_json(exclude_defaults=True) for run in runs)
    return Slide(kind="figure", figure={"data": [], "layout": {}}, runs=texts).model_copy(update=changes)


# The document


def test_one_document_with_everything_in_it() -> None:
    kinds = [Slide(kind="title", title="T"), Slide(kind="text", text="a"), Slide(kind="formula", text="x^2"), figure_slide()]
    text = deck_html("Talk", kinds, made=MADE)
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert page.open == []
    assert page.of("html", lang="en")
    assert len(page.of("title")) == len(page.of("main")) == 1
    assert [one["class"] for one in page.of("section")] == [
        f"slide kind-{k} light" for k in ("title", "text", "formula", "figure", "facts")
    ]
    assert text.count(get_plotlyjs()) == 1
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert "1 / 5" in page.visible()
    assert "5 / 5" in page.visible()
    assert utc_date(MADE) in page.visible()


def test_nothing_is_fetched() -> None:
    page = Page(deck_html("Talk", [figure_slide()], made=MADE))
    for _, attributes in page.found:
        assert not {"src", "href", "srcset", "data", "action", "poster", "background"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert "url(" not in str(attributes.get("style"))
    for tag, data in page.texts:
        assert tag != "style" or ("url(" not in data and "@import" not in data)
    (policy,) = page.of("meta", **{"http-equiv": "Content-Security-Policy"})
    assert str(policy["content"]).startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; ")


def test_only_traces_that_need_it_may_write_code() -> None:
    drawn = Slide(kind="figure", figure={"data": [{"type": "parcoords"}], "layout": {}})
    assert "'unsafe-eval'" in deck_html("Talk", [drawn], made=MADE)[:1000]
    assert "'unsafe-eval'" not in deck_html("Talk", [figure_slide()], made=MADE)[:1000]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_are_text_only(hostile: str) -> None:
    clean = [
        Slide(kind=kind, title="x", text="x", caption="x", notes="x", figure={"data": [], "layout": {"a": "x"}})
        for kind in ("title", "text", "formula", "figure")
    ]
    figure = {"data": [], "layout": {"a": hostile}}
    fields = {"title": hostile, "text": hostile, "caption": hostile, "notes": hostile, "figure": figure}
    fields |= {"versions": {hostile: hostile}, "sweep": hostile, "runs": (hostile,)}
    slides = [slide.model_copy(update=fields) for slide in clean]
    page, plain = Page(deck_html(hostile, slides, made=MADE)), Page(deck_html("x", clean, made=MADE))
    assert page.open == []
    assert len(page.of("script")) == len(plain.of("script"))
    known = {tag for tag, _ in plain.found} | {"bdi", "h2", "p", "mtext", "mo", "mn", "mspace", "math", "mrow", "mi"}
    assert {tag for tag, _ in page.found} <= known
    visible = page.visible()
    assert "\u202e" not in visible
    assert "\x00" not in visible
    assert "w" * 1_100 not in visible
    figures = [json.loads(text) for text in page.scripts() if text.startswith('{"data"')]
    assert figures == [figure]
    told = json.loads(next(text for text in page.scripts() if text.startswith('{"name"')))
    assert len(told["slides"]) == len(page.of("section"))


def test_json_in_scripts_cannot_end_them() -> None:
    figure = {"data": [{"name": "</script><!--\u2028\u2029 &"}], "layout": {}}
    text = deck_html("</script>\u2028", [Slide(kind="figure", notes="</script>", figure=figure)], made=MADE)
    data = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert len(data) == 2
    for part in data:
        assert not set("<>&\u2028\u2029") & set(part)
    assert json.loads(data[0]) == figure


def test_texts_are_isolated_and_lists_are_lists() -> None:
    page = Page(deck_html("Talk", [Slide(kind="text", title="T", text="one\n- two\n- three\n\nfour $x$")], made=MADE))
    assert len(page.of("li")) == 2
    assert len(page.of("ul")) == 1
    assert "four $x$" in page.visible()
    assert not page.of("math")
    assert len(page.of("bdi", dir="auto")) >= 5


def test_a_formula_that_cannot_be_drawn_is_shown_as_written() -> None:
    page = Page(deck_html("Talk", [Slide(kind="formula", text=r"\frac{a")], made=MADE))
    assert r"\frac{a" in page.visible()
    assert "This formula cannot be drawn: " in page.visible()
    assert not page.of("math")


def test_each_slide_keeps_its_look_and_its_scale() -> None:
    slides = [figure_slide(), figure_slide(Look(True, True), reveal=True)]
    page = Page(deck_html("Talk", slides, made=MADE))
    sections = page.of("section")
    assert [str(one["class"]).split()[-1] for one in sections] == ["light", "dark", "dark"]
    assert ["data-reveal" in one for one in sections] == [False, True, False]
    boxes = page.of("div", role="img")
    assert [box["data-scale"] for box in boxes] == ["1.8", "1.3"]
    assert boxes[0]["aria-label"] == "Loss against epoch, digits. epoch 0 is before training."


def test_a_deck_must_have_a_slide() -> None:
    with pytest.raises(ValueError, match="at least one slide to be presented, got none"):
        deck_html("Talk", [], made=MADE)


# What the last slides state


def test_runs_that_differ_only_in_seeds_share_a_line() -> None:
    runs = [changed(RunConfig(), {"seed": seed, "train.lr": 0.02}) for seed in (2, 0, 1)]
    stated = under("Configurations", [run_slide(*runs), run_slide(RunConfig())])
    assert stated[0] == f"digits tree K4 w32 lr0.02, seeds 0 to 2: train.lr 0.02; address of seed 0: {runs[1].run_id} (slide 1)"
    assert stated[1] == f"digits tree K4 w32, seed 0: address {RunConfig().run_id} (slide 2)"
    assert under("Configurations", [run_slide(*runs), run_slide(*runs)])[0].endswith("(slides 1 and 2)")


def test_seeds_of_split_and_weights_are_stated_where_they_are_their_own() -> None:
    runs = [changed(RunConfig(), {"split_seed": 7, "init_seed": seed}) for seed in (0, 1)]
    assert "seed 0, split seed 7, initial weights' seed 0 and 1: " in under("Configurations", [run_slide(*runs)])[0]


def test_what_a_model_ignores_does_not_part_it() -> None:
    dense = [changed(RunConfig(), {"net.kind": "dense", "net.depth": depth}) for depth in (0, 4)]
    assert sum("digits dense" in line for line in lines([run_slide(*dense)])) == 1


def test_sweeps_state_axes_baselines_and_rates() -> None:
    sweep = SweepConfig(
        name="<b>deep</b>",
        axes={"net.depth": [0, 1, 2, 4], "seed": [0, 1, 2]},
        baselines=["dense_capacity"],
        tune_lr=[0.001, 0.01],
    )
    stated = under("Sweeps", [run_slide(sweep=sweep.model_dump_json(exclude_defaults=True))])
    assert stated[0] == (
        "<b>deep</b>: base digits tree K4 w32; net.depth 0 to 2 and 4; seed 0 to 2; with baselines dense capacity; "
        "learning rate of each model tuned on validation among 0.001, 0.01; chosen and reported on the same seeds; "
        f"address {sweep.sweep_id} (slide 1)"
    )


def test_sweeps_state_on_which_seeds_they_choose_and_report() -> None:
    sweep = SweepConfig(axes={"seed": [0, 1, 2, 3, 4]}, report_seeds=list(range(5, 25)), trials=8)
    (stated, *_) = under("Sweeps", [run_slide(sweep=sweep.model_dump_json(exclude_defaults=True))])
    assert "learning rate and weight decay of each model tuned on validation among 8 drawn pairs" in stated
    assert "chosen on seeds 0 to 4, reported on seeds 5 to 24" in stated


def test_versions_are_stated_once_or_by_slide() -> None:
    old, new = {"torch": "2.11"}, {"torch": "2.13"}
    same = lines([run_slide(versions=new), Slide(kind="text"), run_slide(versions=new)])
    assert "Versions: torch 2.13." in same
    other = lines([run_slide(versions=new), run_slide(versions=old), run_slide(versions=new)])
    assert "Versions (slides 1 and 3): torch 2.13." in other
    assert "Versions (slide 2): torch 2.11." in other


def test_dates_are_utc() -> None:
    day = 86_400
    stated = lines([run_slide(taken=MADE - 2 * day), run_slide(taken=MADE - day), Slide(kind="text")])
    assert stated[1] == "File made 24 November 2024, 16:52 UTC; figures taken from 22 November 2024 to 23 November 2024."
    assert lines([Slide(kind="text")])[1] == "File made 24 November 2024, 16:52 UTC."
    assert "an unknown day" in lines([run_slide(taken=1e300)])[1]


def test_what_this_version_cannot_read_is_shown_as_written() -> None:
    slides = [Slide(kind="figure", runs=('{"net": {"kind": "forest"}}', "no JSON" + "!" * 1000), sweep='{"base": 1}')]
    stated = under("Configurations", slides)
    assert stated[0] == 'As written by another version: {"net": {"kind": "forest"}} (slide 1)'
    assert stated[1].startswith("As written by another version: no JSON!!!")
    assert len(stated[1]) < 400
    assert under("Sweeps", slides) == ['As written by another version: {"base": 1} (slide 1)']


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_number_words_name_every_number_once(numbers: list[int]) -> None:
    named: list[int] = []
    for part in re.split(r", | and ", theme.number_words(numbers)):
        first, _, last = part.partition(" to ")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(set(numbers))


def test_many_facts_go_on_over_slides_and_the_rest_is_counted() -> None:
    runs = [changed(RunConfig(), {"train.lr": 0.001 + 0.0001 * step}) for step in range(400)]
    slides = [run_slide(*runs[:200]), run_slide(*runs[200:])]
    page = Page(deck_html("Talk", slides, made=MADE))
    assert len(page.of("section")) == 2 + MAX_FACT_SLIDES
    visible = page.visible()
    assert f"{HEADING} (6 of 6)" in visible
    (rest,) = re.findall(r"(\d+) more lines are not shown", visible)
    # of 400 runs, and the line on defaults
    assert visible.count("address ") + int(rest) == 401
    assert "File made 24 November 2024" in visible
    fewer = Page(deck_html("Talk", [run_slide(*runs[:30])], made=MADE)).visible()
    assert fewer.count("address ") == 30
    assert f"{HEADING} (2 of 2)" in fewer


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_gives_a_file_that_can_be_written(name: str, text: str) -> None:
    slide = Slide(kind="text").model_copy(update={"title": text, "text": text, "notes": text})
    deck_html(name, [slide], made=MADE).encode("utf-8")


def test_what_must_not_be_lost_stands_first() -> None:
    assert facts([Slide(kind="text")], MADE)[:2] == [
        Fact("Versions and dates", heading=True),
        Fact("File made 24 November 2024, 16:52 UTC."),
    ]
