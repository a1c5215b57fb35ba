"""Comparing runs: the table of runs, filters and groups; intervals, paired differences and choices; statistics of sweeps.

This package imports configurations, costs and summaries of the store, but not torch.
"""
