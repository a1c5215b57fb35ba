"""Twelve views worth seeing, a fold of the Playground: each asks a question, and real runs answer it with a number.

`views` says what is asked and of which runs, `measuring` reads the answer from the store, `part` draws it; it knows scenes and
figures, and no page.
"""
