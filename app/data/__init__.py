"""The parts of the page Data: a dropped file, the choices of how it is read and used, what a table holds, and using it."""
