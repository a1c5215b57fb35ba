"""What this machine offers: free memory, heaps, and a place for compiled code. `core/device.py` chooses devices by it.

Imports nothing of the project, and neither torch nor Numba: compiled code's place is chosen before Numba is imported.
"""
