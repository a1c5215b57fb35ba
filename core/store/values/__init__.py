"""What goes into the store and comes out of it, without a database.

`records` defines what is submitted, claimed and ended, and its limits; `summaries` what pages read; `rows` makes summaries of
rows; `tensors` is the format of weights. This package imports nothing else of the store.
"""
