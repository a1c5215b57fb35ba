"""Slides: the current deck, its editor, and the HTML file it becomes."""
