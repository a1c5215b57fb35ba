"""The store: every run, sweep, deck, table and benchmark, in one database.

`store.Store` combines the other modules: `reading` answers queries, `queue` and `sweeps` manage the runs to train, `recording`
writes the results of training, `space` says how large all is, and `workers`, `benchmarks`, `annotations`, `decks` and `tables`
store the rest. `schema` defines the tables, `values` what goes in and comes out. `database` opens a database, `migrations`
update an older one, `archive` reads and writes the file that carries runs to another machine, and `moving` copies a whole store
into another. This package imports `config`, `tables` and, for archives, `sweep.members`.
"""
