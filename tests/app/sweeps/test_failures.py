"""Why runs of a sweep failed, whether or not their members have a result by other learning rates."""

from pathlib import Path

import pytest

from leafscope.app.sweeps import current
from leafscope.core import jobs
from leafscope.core.config import RunConfig, SweepConfig
from leafscope.core.store.values.records import End


def test_failed_runs_are_said_with_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two die, one diverges, which is an outcome; the fourth is finished."""
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(tmp_path / "sweeps.db"))
    store = jobs.default_store()
    sweep = SweepConfig(name="rates", base=RunConfig(), tune_lr=[0.001, 0.003, 0.01, 0.03])
    info = store.sweep(jobs.submit_sweep(sweep, store=store))
    assert current.failed_runs(info) is None
    claims = store.claim_members("worker", lambda run: 0.0, 1.0, "cpu")
    assert len(claims) == 4
    died = [End(claim, "failed", "the worker died", [], {}, {}) for claim in claims[:2]]
    ends = [
        *died,
        End(claims[2], "failed", "infinite", [], {}, {"diverged": True}),
        End(claims[3], "finished", None, [], {}, {}),
    ]
    assert all(store.end_many(ends))
    names = ", ".join(sorted(claim.label for claim in claims[:2]))
    assert current.failed_runs(info) == f"2 of 4 runs failed: the worker died (2: {names})"
