"""The ten-minute talk: made from a sweep and the nets of its runs, every title and sentence computed from the numbers.

The page Present and the tool that makes the examples import `deck`; `gather` alone reads the store. It knows sweeps, scenes,
figures and slides, and no page.
"""
