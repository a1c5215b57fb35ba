"""The store: every run, sweep, deck and benchmark, in one database.

`store.Store` combines the other modules: `reading` answers queries, `queue` and `sweeps` manage the runs to train, `recording`
writes the results of training, and `workers`, `benchmarks`, `annotations` and `decks` store the rest. `records` and
`summaries` define inputs and outputs, `schema` the tables. `database` opens a database, `migrations` update an older one, and
`archive` reads and writes the file that carries runs to another machine. This package imports `config` and, for archives,
`sweep.members`.
"""
