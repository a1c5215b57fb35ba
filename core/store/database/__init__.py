"""The database itself, whatever it holds: opening and migrating it, transactions, its size, and whether its writers are alive.

`opening` finds, checks and migrates a database; `transactions` is the base of every part of the store; `shrinking` gives the
space of deleted rows back to the disk; `liveness` tells whether workers still count. This package imports `schema` only.
"""
