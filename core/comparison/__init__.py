"""Comparing runs: intervals, paired differences, the table of runs, groups and filters.

It imports configurations, costs and summaries of the store; not torch.
"""
