"""Scores of a run on a split: the confusion matrix, recall of each class, and what always the same answer would score."""

import streamlit as st

from leafscope.app.figures.leaves.confusion import ConfusionMatrix
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing, mixture
from leafscope.core import jobs
from leafscope.core.scores.confusion import confusion_matrix


def scores(view: LeafView) -> None:
    """Which classes are taken for which, on the split that is shown, by the net at this epoch."""
    st.header("Scores")
    if words := mixture.sentence(jobs.default_store().history(view.run.run_id), view.epoch):
        st.markdown(words)
    predictions = view.predictions()
    if predictions is None:
        st.info(f"This part needs the trained net, but {view.no_weights()}. Choose the last epoch of a run that has ended.")
        return
    data = view.data
    matrix = confusion_matrix(view.labels, predictions, data.n_classes)
    drawing.show(
        ConfusionMatrix(matrix, data.class_names, data.majority_class, SPLITS[view.split]),
        key="confusion",
        subject=view.whole_run,
        caption=view.caption(
            "Colour: share of the class's rows. Balanced accuracy is the mean recall of the classes; macro F1 the mean of "
            "their harmonic means of precision and recall; “always” answers the most frequent class of the training rows."
        ),
    )
