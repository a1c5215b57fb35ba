"""Figures of one run: learning curves, decision regions, loads."""
