"""The store: every run, sweep, deck and benchmark, in one database.

`store.Store` writes, `reading` answers, `summaries` and `records` are what goes in and out, `schema` the tables, `archive`
the file that carries runs to another machine.
"""
