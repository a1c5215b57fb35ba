"""Trained and untrained nets in NumPy, for whatever only reads them: explanations, regions, predictions.

Imports neither torch nor scikit-learn, so that the server can do without; training is in `core.nets` and `core.training`.
May import `core.limits`; a configuration is handed in.
"""
