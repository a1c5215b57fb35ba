"""How a database of an older version becomes one of today: a script for each version, which alembic runs in their order.

`vNNNN_what.py` has the revision NNNN: the number that the table `meta` holds afterwards. It makes exactly what that version
added, written out with `op`, for SQLite and PostgreSQL. It imports nothing of this program and never changes, so that it does
the same when the tables of today are others. Only scripts live in this folder; `database.migrate` runs them.
"""
