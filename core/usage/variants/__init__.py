"""The leaf statistics of Leafscope, a family in each file.

Each file registers its statistics in `core.usage.statistics`, which imports all of them. A file imports NumPy and
`core.usage`; what is slow to import, such as SciPy, only within a function.
"""
