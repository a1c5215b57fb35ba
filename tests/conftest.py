"""What all tests share: one torch thread, so that two busy cores do not wait for one another."""

import torch

torch.set_num_threads(1)
