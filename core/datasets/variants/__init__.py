"""The data sets that come with Leafscope, one a file.

Each file registers one `DataSet` in `core.datasets.registry`, which imports all of them. A file imports NumPy and what is in
`core.datasets`, never `core.config`; scikit-learn, where it needs it, only when the rows are read.
"""
