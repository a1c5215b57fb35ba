"""Figures of error against depth, and of where the tree differs from other models."""
