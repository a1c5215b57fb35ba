"""Migrations of older databases: one script for each schema version, run by alembic in order.

`vNNNN_what.py` has the revision NNNN, the version that the table `meta` contains afterwards. It creates exactly what that
version added, written out with `op`, for SQLite and PostgreSQL. It imports nothing from this program and is never changed, so
it does not depend on the current tables. This folder contains scripts only; `database.opening.migrate` runs them.
"""
