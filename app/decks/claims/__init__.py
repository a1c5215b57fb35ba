"""The deck made of a sweep's results: one slide for each claim, with its figure and computed sentences.

Imported by the page Present; it knows sweeps, figures and slides, and no page.
"""
