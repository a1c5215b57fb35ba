"""The leaf statistics of Leafscope, one in each file.

Each file registers one `Statistic` in `core.usage.statistics`, which imports all of them. A file imports NumPy and
`core.usage`; what is slow to import, such as SciPy, only within a function.
"""
