"""`python -m tests.tools.estimators` times fits of `TreeNetClassifier` beside `MLPClassifier`, in one process on one thread.

Rows and settings are those that the estimators were made for: 300 rows of 20 features, K = 4, width 16, 30 epochs. Both take
the same batches, and each fit of one follows one of the other, so that a busy machine slows both.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import statistics  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402

import torch  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from leafscope.core import TreeNetClassifier  # noqa: E402
from leafscope.core.training.compiling import make_ready  # noqa: E402

FITS = 21


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000


def main() -> None:
    """Print medians and their ratio."""
    torch.set_num_threads(1)
    make_ready()
    warnings.simplefilter("ignore")  # the peer says that it has not converged
    x, y = make_classification(300, 20, random_state=0)
    ours = TreeNetClassifier(depth=4, width=16, epochs=30, random_state=0)
    peer = MLPClassifier((16, 16), max_iter=30, batch_size=32, n_iter_no_change=1000, random_state=0)
    ours.fit(x, y), peer.fit(x, y)
    pairs = [(_timed(lambda: ours.fit(x, y)), _timed(lambda: peer.fit(x, y))) for _ in range(FITS)]
    for place, words in ((0, "by the clock"), (1, "of the processor")):
        mine, theirs = (statistics.median(pair[one][place] for pair in pairs) for one in (0, 1))
        ratio = statistics.median(pair[0][place] / pair[1][place] for pair in pairs)
        print(f"{words}: TreeNetClassifier {mine:.1f} ms, MLPClassifier {theirs:.1f} ms, ratio {ratio:.2f} (medians of {FITS})")
    print(f"load of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
