"""Figures of the page Routing."""
