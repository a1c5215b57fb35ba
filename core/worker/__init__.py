"""The worker: claims queued runs, trains them, records what happens; and the supervisor that keeps it running.

`python -m leafscope.core.worker` runs one. It imports the store and training.
"""
