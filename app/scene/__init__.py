"""The scene: what it draws of a run, as plain JSON, and the scripts that draw it.

The app's page (`playground/scene.py`), decks and files that work without a server use the same data and scripts. May be
imported by every other folder of the app; imports the theme, figures and the core.
"""
