"""Figures of the page Data: what a table's target holds. They know numbers and names only."""
