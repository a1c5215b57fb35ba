"""What a trained model does: contributions of nodes, reading to a level, collapsed matrices, leaves of a decision tree.

It imports nets, data sets, training, and the store from which trained nets are read.
"""
