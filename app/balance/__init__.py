"""The sections of the Balance page."""
