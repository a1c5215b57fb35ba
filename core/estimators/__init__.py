"""Estimators in scikit-learn's manner: the nets of this package on arrays that a caller has in memory.

`base` holds what both have in common, `classifier` and `regressor` the two; `showing` puts one into the store. They import
scikit-learn, and torch to fit, so nothing that the server loads may import them: `leafscope.core` gives their names on first
use.
"""
