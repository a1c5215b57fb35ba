"""The Compare page: the selection of runs, its groups, and the views of it."""
