"""Actions on runs: annotate, export, and the Python script that reproduces one."""
