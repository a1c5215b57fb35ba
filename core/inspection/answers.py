"""What a trained run says of the rows of its own splits."""

from typing import Any

from numpy.typing import NDArray

from leafscope.core.datasets import load
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.store.store import Store


def answers_of(store: Store, run_id: str, split: str) -> NDArray[Any] | None:
    """Return the class, or the number, that a run gives each row of a split after its last epoch: (N,).

    None for a run that trains or waits, was stopped within an epoch, or kept neither net nor trees. `split` is train,
    validation or test. Raises RunNotFoundError, and StoreError if what was kept is damaged.
    """
    run = store.run(run_id)
    if run.active:
        return None
    data = load(run.config.data, run.config.data_seed)
    x = data.splits[split].x
    if (trained := trained_net(store, run_id)) is not None:
        is_whole = not trained.step and trained.epoch in (None, run.epochs_done)
        return data.answers(trained.net(x)) if is_whole else None
    if (trees := fitted_trees(store, run_id)) is not None:
        shares = trees.predict_proba(x)
        return shares.argmax(1) if data.n_classes else shares[:, 0]
    return None
