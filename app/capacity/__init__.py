"""The sections of the Capacity page, and the measurement that it can start."""
