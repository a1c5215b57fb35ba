"""Sweeps on pages: choose one, start one, and state its findings."""
