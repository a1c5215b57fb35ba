"""What a trained model does: contributions of nodes, reading to a level, collapsed matrices, decision trees and their leaves.

It imports nets, data sets, training, and the store from which trained nets are read.
"""
