"""The large map: how the best depth moves with the number of fresh training rows, at fixed computation.

Rows are drawn in blocks and never held all at once (`rows`), many nets are trained on each block (`training`), rate and decay
are chosen on some seeds and reported on others (`table`), and the answers are computed from the table alone (`answers`).
"""
