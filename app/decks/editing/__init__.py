"""What the page Present draws around a deck: its list of slides, their fields, and the preview.

Imported by that page only; it may import everything in `decks`.
"""
