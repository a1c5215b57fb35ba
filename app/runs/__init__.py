"""What can be done with runs: annotate, export, and the Python that trains one again."""
