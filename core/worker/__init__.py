"""The worker claims queued runs, trains them and records the results; the supervisor keeps it running.

`python -m leafscope.core.worker` runs a worker. This package imports the store and training.
"""
