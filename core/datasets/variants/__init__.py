"""The data sets of Leafscope, one in each file.

Each file registers one `DatasetSpec` in `core.datasets.registry`, which imports all of them. A file imports NumPy and
`core.datasets`, never `core.config`; it imports scikit-learn only when its rows are read.
"""
