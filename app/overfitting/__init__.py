"""The sections of the Overfitting page."""
