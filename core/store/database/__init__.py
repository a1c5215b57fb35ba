"""The database itself, whatever it holds: opening and migrating it, transactions, its size, and whether its writers are alive.

`location` says where it is, `opening` opens, checks and migrates it; `postgres` knows what a server needs; `passwords` where
one is seen. `transactions` is the base of every part of the store; `shrinking` gives the space of deleted rows back to the
disk; `liveness` tells whether workers still count. Of the project, this package imports `schema`, `errors` and `text` only.
"""
