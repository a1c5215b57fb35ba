"""Figures that can be cited: their numbers and digest, a drawing for print, texts to go with it, and drawing one again.

Imports the theme, the address and the core; of what a person sees, `app.decks` has the dialog. `again` opens a page without a
browser, and so must not be called in the process of the server.
"""
