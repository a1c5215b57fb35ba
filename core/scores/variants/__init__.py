"""The scores, one file each.

A file registers itself with `SCORES.register` when it is imported, which `core.registry` does for every module in this folder.
"""
