"""Comparing runs: intervals, paired differences, the table of runs, groups and filters.

This package imports configurations, costs and summaries of the store, but not torch.
"""
