"""What `leafscope claims` writes: the page of results, its figure, and the sentences of the README.

Everything is made from the tables of `core.claims`; nothing here trains or chooses.
"""
