"""Figures of leaves and of the rows in them."""
