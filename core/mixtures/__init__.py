"""Nets of other kinds than gated ones, in torch: mixtures of experts, and trees of soft decisions that mix their leaves.

`net` has the net around them; `moe`, `fff` and `soft_tree` one kind each; `maps` and `decisions` what they share. Built by
`core.models`; may import `core.nets`. What they compute for the server, without torch, is in `core.inference`.
"""
