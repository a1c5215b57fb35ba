"""Figures as pure functions: numbers and strings in, a Plotly figure out; beside each, its sentence and its table."""

from leafscope.app.figures.curves import learning_curves, learning_curves_sentence, learning_curves_table
from leafscope.app.figures.epochs import load_over_epochs, load_over_epochs_sentence, load_over_epochs_table
from leafscope.app.figures.frame import empty_figure
from leafscope.app.figures.heatmap import leaf_class_heatmap, leaf_class_heatmap_sentence, leaf_class_heatmap_table
from leafscope.app.figures.icicle import prefix_icicle, prefix_icicle_sentence, prefix_icicle_table
from leafscope.app.figures.images import image_grid, image_grid_sentence, image_grid_table, mean_image
from leafscope.app.figures.loads import leaf_loads, leaf_loads_sentence, leaf_loads_table
from leafscope.app.figures.mix import class_mix, class_mix_sentence, class_mix_table
from leafscope.app.figures.patterns import sign_patterns, sign_patterns_sentence, sign_patterns_table
from leafscope.app.figures.regions import decision_regions, decision_regions_sentence, decision_regions_table

__all__ = [
    "class_mix",
    "class_mix_sentence",
    "class_mix_table",
    "decision_regions",
    "decision_regions_sentence",
    "decision_regions_table",
    "empty_figure",
    "image_grid",
    "image_grid_sentence",
    "image_grid_table",
    "leaf_class_heatmap",
    "leaf_class_heatmap_sentence",
    "leaf_class_heatmap_table",
    "leaf_loads",
    "leaf_loads_sentence",
    "leaf_loads_table",
    "learning_curves",
    "learning_curves_sentence",
    "learning_curves_table",
    "load_over_epochs",
    "load_over_epochs_sentence",
    "load_over_epochs_table",
    "mean_image",
    "prefix_icicle",
    "prefix_icicle_sentence",
    "prefix_icicle_table",
    "sign_patterns",
    "sign_patterns_sentence",
    "sign_patterns_table",
]
