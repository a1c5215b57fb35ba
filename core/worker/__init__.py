"""The worker claims queued runs, trains them and records the results; the supervisor keeps it running.

`python -m leafscope.core.worker` runs a worker. It is a process of its own, because training inside the server process would
make the server respond three times as slowly and halve the speed of training. This package imports the store and training.
"""
