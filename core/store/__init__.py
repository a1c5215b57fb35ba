"""The store: every run, sweep, deck and benchmark, in one database.

`store.Store` is all of it: `reading` answers, `queue` and `sweeps` hold what waits, `recording` writes what is trained, and
`workers`, `benchmarks`, `annotations` and `decks` keep the rest. `records` and `summaries` are what goes in and out, `schema`
the tables, `database` how one is opened, `migrations` how an older one becomes one of today, and `archive` the file that
carries runs to another machine. It imports `config` and, for archives, `sweep.members`.
"""
