"""Figures of how evenly leaves are used."""
