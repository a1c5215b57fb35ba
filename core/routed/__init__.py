"""Routed layers of other kinds than gates, in torch: mixtures of experts, and trees of soft decisions.

`net` has the net around them; `moe`, `fff` and `soft_tree` one kind each; `maps` and `decisions` what they share. Built by
`core.models`; may import `core.nets`. What they compute for the server, without torch, is in `core.inference`.
"""
