"""What a person does with the run on the Playground, in one row above the scene: train, take a new seed, stop, resume."""

import math
from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from leafscope.app import always, theme
from leafscope.app.address import session
from leafscope.app.parts import diverged, sidebar
from leafscope.app.playground import continuous, controls, presets, scene
from leafscope.app.scene import payload
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.datasets import DATA_SETS, load, shape
from leafscope.core.errors import DataError, LeafscopeError, LimitError
from leafscope.core.store.values.summaries import RunSummary

LARGEST_SEED = 2**31 - 1

WIDTH = 125
"""CSS px of a button: its own width would change as the font of the icons arrives."""


def draw(chosen: RunConfig | None, shown: RunSummary | None, faults: Mapping[str, str]) -> Callable[[int], None]:
    """Draw the buttons for the chosen configuration (None if not valid) and the run that is shown, if there is one.

    Gives a function that writes how far training is, beside the buttons, from the epoch that the page shows. Below, in a box of
    fixed height so that nothing moves, stands the state of the run, or what is wrong with the choices, or that they wait.
    """
    is_new = chosen is not None and (shown is None or chosen.run_id != shown.run_id or continuous.was_reset(shown))
    is_preview = shown is not None and not faults and previews(chosen, shown)
    is_played = chosen is not None and continuous.is_continuous(chosen)
    width = continuous.OF_OTHERS if is_played else WIDTH
    with st.container(horizontal=True, key="actions", vertical_alignment="center"):
        if chosen is not None and is_played:
            continuous.draw(chosen, shown, is_new=is_new, is_valid=not faults)
        elif st.button(
            "Train",
            type="primary" if is_new or chosen is None else "secondary",
            icon=":material/play_arrow:",
            disabled=chosen is None or bool(faults),
            key="_train",
            width=WIDTH,
            help="Train with the settings in the sidebar; those of a finished run train again, from scratch.",
        ):
            _train(chosen, shown)
        if st.button(
            "New seed",
            type="secondary" if is_new or chosen is None or is_played else "primary",
            icon=":material/casino:",
            disabled=chosen is None or bool(faults),
            key="_new_seed",
            width=width,
            help="Train the same settings with the next seed that is not trained yet: other splits, other initial weights.",
        ):
            _train(_with_new_seed(chosen), None)
        presets.draw(scene.BESIDE, width)
        if shown is not None:
            if not _is_played(chosen, shown) or diverged.has_diverged(shown):
                _of_state(shown)
            with st.container(key="progress"):
                place = st.empty()
    if shown is None:
        return lambda epoch: None
    with st.container(key="state"):
        if faults:
            words = theme.escape_markdown("; ".join(faults.values()))
            st.warning(f"The configuration is not valid: {words}. Correct it before you train.", icon=":material/error:")
        elif is_new and chosen is not None:
            _offer_training(chosen, shown, is_preview)
        else:
            st.markdown(theme.unbroken(sidebar.status_line(shown) + _score_words(shown)))
    if shown.error:
        st.error(theme.escape_markdown(shown.error), icon=":material/error:")
    if is_preview:
        return lambda epoch: _say(place, "epoch 0" if continuous.was_reset(shown) else "not trained yet")
    return lambda epoch: _progress(place, shown, epoch)


def _train(run: RunConfig | None, shown: RunSummary | None) -> None:
    assert run is not None  # the button is disabled
    again = shown is not None and shown.run_id == run.run_id and shown.status == "finished"
    try:
        submission = jobs.default_store().submit(run, anew=again)
    except LimitError as error:
        session.notify(str(error))
    else:
        if submission.reused:
            session.notify("This configuration is already trained; the page shows its figures.")
        controls.take_from(run.run_id)
    st.rerun(scope="app")


def _with_new_seed(run: RunConfig | None) -> RunConfig | None:
    """The configuration with the next seed of which no run is here."""
    found = run
    while found is not None and (found is run or jobs.default_store().runs([found.run_id])):
        found = changed(found, {"seed": 0 if found.seed >= LARGEST_SEED else found.seed + 1})
    return found


def _of_state(now: RunSummary) -> None:
    """Stop, resume, or train more slowly: what the run's state allows."""
    if now.active:
        st.button(
            "Stopping" if now.stopping else "Stop",
            icon=":material/stop:",
            disabled=now.stopping,
            key="_stop",
            width=WIDTH,
            on_click=_try,
            args=(lambda: jobs.default_store().stop(now.run_id),),
        )
    elif diverged.has_diverged(now):
        if st.button(
            diverged.LABEL,
            icon=":material/speed:",
            key="_slower",
            help="From scratch. Resuming this run would fail in the same way.",
        ):
            for run_id in diverged.train_slower([now]):
                controls.take_from(run_id)
            st.rerun(scope="app")
    elif now.status != "finished" and st.button(
        "Resume", icon=":material/resume:", key="_resume", help="Continue from the last checkpoint."
    ):
        _try(lambda: jobs.default_store().resume(now.run_id))
        st.rerun(scope="app")


def _try(action: Callable[[], object]) -> None:
    try:
        action()
    except LeafscopeError as error:
        session.notify(str(error))


def _is_played(chosen: RunConfig | None, shown: RunSummary) -> bool:
    """Whether the run that is shown has the buttons of continuous training, which stop and resume it too."""
    return chosen is not None and chosen.run_id == shown.run_id and continuous.is_continuous(chosen)


def previews(chosen: RunConfig | None, shown: RunSummary) -> bool:
    """Whether the scene shows what is chosen before it is trained, in place of the run, which has ended."""
    if chosen is None or shown.active or not (chosen.run_id != shown.run_id or continuous.was_reset(shown)):
        return False
    return payload.has_untrained(chosen)


def _offer_training(chosen: RunConfig, shown: RunSummary, is_preview: bool) -> None:
    """Say what is shown, the run or what is chosen instead of it, and lead on and back."""
    label = theme.escape_markdown(shown.label, 80)
    what = f"Before training: {theme.escape_markdown(chosen.label, 60)}" if is_preview else f"Figures show run {label}"
    to = "train from the beginning" if chosen.run_id == shown.run_id else "apply your choices"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"{what}; press {'Play' if continuous.is_continuous(chosen) else 'Train'} to {to}.", width="stretch")
        if st.button("Back to the run before", key="_use_settings", help=f"Show run {label} and its settings again."):
            controls.take_from(shown.run_id)
            st.rerun(scope="app")


def _say(place: DeltaGenerator, words: str) -> None:
    place.caption(words)


def _progress(place: DeltaGenerator, now: RunSummary, epoch: int) -> None:
    if now.active:
        place.progress(now.fraction, text=_progress_words(now, epoch))
    else:
        place.caption(_progress_words(now, epoch))


def _score_words(now: RunSummary) -> str:
    if now.active or not now.last:
        return ""
    size = shape(now.config.data)
    split, n_rows = ("test", size.n_test) if size.n_test else ("train", size.n_train)
    n, none = theme.thousands(n_rows), "" if size.n_test else "; without test rows nothing is said of new ones"
    if f"{split}_rmse" in now.last:
        return f"{_number_words(now, split, n)}{none}"
    best, last = (theme.percent(values.get(f"{split}_accuracy", math.nan)) for values in (now.best, now.last))
    at_best = " (no epoch had a finite validation loss)"
    if now.best_epoch is not None:
        at_best = f" ({best} at epoch {theme.thousands(now.best_epoch)}, where validation loss was lowest)"
    at_best = at_best if size.n_validation else ""
    words = f": {theme.SPLIT_WORDS[split]} accuracy **{last}** after the last epoch{at_best}, n = {n}"
    return f"{words}{_always_words(now, split)}{none}"


def _number_words(now: RunSummary, split: str, n: str) -> str:
    """Give the RMSE, in the unit of the target, beside that of always the mean of the training rows."""
    rmse, target = now.last[f"{split}_rmse"], theme.escape_markdown(DATA_SETS[now.config.data.name].target, 40)
    r2 = theme.three_significant(now.last[f"{split}_r2"])
    said = f": {theme.SPLIT_WORDS[split]} RMSE **{theme.three_significant(rmse)}** (unit of {target}; R² {r2})"
    said += f" after the last epoch, n = {n}"
    if now.chosen_epoch is not None:
        at_best = theme.three_significant(now.best.get(f"{split}_rmse", math.nan))
        said += f" ({at_best} at epoch {theme.thousands(now.chosen_epoch)})"
    same = always.scores_of([now.config], split).get("rmse", math.nan)
    if math.isnan(same):
        return said
    beside = f"always predicting the training mean: {theme.three_significant(same)}"
    said = f"{said}; {beside}" if rmse < same else f"{said}; **no better than always the training mean** ({beside})"
    return f"{said}. {always.unlearned(now)}".removesuffix(". ")


def _always_words(now: RunSummary, split: str) -> str:
    """Set the accuracy beside that of always the same answer, and say if it is no better."""
    try:
        data = load(now.config.data, now.config.data_seed)
    except DataError:
        return ""
    name, same = theme.escape_markdown(data.class_names[data.majority_class], 40), data.chance_on(split)
    accuracy, balanced = (now.last.get(f"{split}_{one}", math.nan) for one in ("accuracy", "balanced_accuracy"))
    beside = f"always answering {name}: {theme.percent(same['accuracy'])}"
    if math.isfinite(balanced) and same["accuracy"] > 1.2 * same["balanced_accuracy"]:  # uneven classes
        beside += f"; balanced accuracy {theme.percent(balanced)}, always {name} {theme.percent(same['balanced_accuracy'])}"
    if always.no_better(now, split=split):
        said = f"; **no better than always answering {name}** ({beside})"
    else:
        lower = "; **its accuracy is no better than that, its balanced accuracy is**" if accuracy <= same["accuracy"] else ""
        said = f"; {beside}{lower}"
    return f"{said}. {always.unlearned(now)}".removesuffix(". ")


def _progress_words(now: RunSummary, epoch: int) -> str:
    """The epoch that the page shows while it trains, then how far training got: an ended run can be shown at any epoch."""
    done, total = theme.thousands(now.epochs_done), theme.thousands(now.epochs_total)
    words = [f"epoch {theme.thousands(epoch)} of {total}" if now.active else f"{done} of {total} epochs"]
    if continuous.is_continuous(now.config) and now.status != "queued":
        return f"epoch {theme.thousands(epoch)}" if now.active else f"{done} epochs"  # where it ends does not matter
    if now.status == "queued":
        ahead = jobs.default_store().queue_position(now.run_id) or 0
        words.append("next in the queue" if ahead == 0 else f"{ahead} run{'s' * (ahead > 1)} ahead in the queue")
    elif now.status == "running":
        if now.stopping:
            words.append("stopping")
        elif now.seconds_left is not None:
            words.append(f"about {theme.duration(now.seconds_left)} left")
    else:
        words.append(f"{theme.duration(now.seconds)} of training on {now.device or 'no device'}")
        if now.status == "finished" and now.epochs_done < now.epochs_total:
            words.append("ended early: the validation loss stopped falling")
    return ", ".join(words)
