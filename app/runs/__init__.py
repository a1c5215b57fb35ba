"""Actions on runs: annotate, export, the Python script that reproduces one, and the space that they take."""
