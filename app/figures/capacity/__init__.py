"""Figures of capacity, cost and time."""
