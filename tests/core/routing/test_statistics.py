"""Statistics of logs: OLMoE's numbers, the rows of a file, names of practitioners, and what chance needs."""

import json
import math

import numpy as np
import pytest

from leafscope.core.routing import Routing, read_routing
from leafscope.core.routing.statistics import PRACTICE, chances, described, measured, practice, why_no_chance
from leafscope.core.store.archive.examples import ROUTING
from leafscope.core.usage.evenness import balance
from tests.core.routing.shapes import COUNTS, PLAIN, long


@pytest.fixture(scope="module")
def olmoe() -> Routing:
    return read_routing(str(ROUTING), top_k=8)


def test_the_numbers_of_olmoe_come_out(olmoe: Routing) -> None:
    about = described(olmoe)
    github = [row for row in about["statistics"] if row["domain"] == "github"]
    assert [row["layer"] for row in github] == [0, 7, 15]
    assert [round(row["effective_experts"], 1) for row in github] == [54.4, 34.5, 34.7]
    assert [round(row["max_violation"], 2) for row in github] == [4.01, 5.16, 3.51]
    assert all(round(row["chance"]["effective_experts"]["mean"], 1) == 64.0 for row in github)
    assert (about["experts"], about["top_k"], about["assignments"]) == (64, 8, 4 * 3 * 8 * 208_896)
    assert len(about["statistics"]) == 4 * 3 + 3  # and each layer over all domains
    assert [row["layer"] for row in about["statistics"] if row["domain"] is None] == [0, 7, 15]


def test_a_row_for_each_part_of_the_file_and_one_over_all_where_there_are_several() -> None:
    text = "layer,expert,count,step,domain\n0,0,5,1,a\n0,1,3,1,a\n0,0,2,2,b\n4,1,6,2,b\n"
    rows = described(read_routing(text.encode(), top_k=1))["statistics"]
    assert [(row["layer"], row["domain"], row["step"]) for row in rows] == [
        (0, "a", 1),
        (0, "b", 2),
        (4, "b", 2),
        (0, None, None),
    ]
    assert rows[-1]["max_share"] == 0.7
    assert rows[-1]["chance"]["max_violation"]["low"] >= 0


def test_each_value_is_that_of_the_registry() -> None:
    for row, counts in zip(described(read_routing(PLAIN.encode(), top_k=2))["statistics"], COUNTS, strict=True):
        expected = balance(counts)
        assert row["effective_experts"] == pytest.approx(expected.effective_leaves)
        for name in ("entropy", "gini", "cv2", "max_violation", "dead_fraction"):
            assert row[name] == pytest.approx(getattr(expected, name)), name


def test_shares_have_the_values_of_their_counts_and_need_n_for_chance() -> None:
    text = long(lambda layer, expert, n: f"{layer},{expert},{n / 16}\n", "layer,expert,frac\n").encode()
    shares, counts = read_routing(text), read_routing(PLAIN.encode())
    for name, values in measured(shares.at()).items():
        np.testing.assert_allclose(values, measured(counts.at())[name], atol=1e-9)
    assert all(row["chance"] is None for row in described(shares)["statistics"])
    assert described(shares)["assignments"] is None
    assert "the number of tokens" in str(why_no_chance(shares))
    assert why_no_chance(read_routing(text, top_k=2)) == "chance needs the number of tokens N, which shares do not say"
    told = read_routing(text, top_k=2, tokens=8)
    assert why_no_chance(told) is None
    same = described(read_routing(PLAIN.encode(), top_k=2))["statistics"]
    assert [row["chance"] for row in described(told)["statistics"]] == [row["chance"] for row in same]


def test_counts_without_k_say_what_chance_needs() -> None:
    log = read_routing(PLAIN.encode())
    assert chances(log, log.tokens_at()) == []
    assert why_no_chance(log) == "chance needs top-k, which the file does not say"
    assert all(row["chance"] is None for row in described(log)["statistics"])


def test_a_part_without_assignments_is_null_in_json() -> None:
    text = "step,layer_0/expert_0,layer_0/expert_1\n0,0,0\n1,4,4\n"
    rows = json.loads(json.dumps(described(read_routing(text.encode(), top_k=1)), allow_nan=False))["statistics"]
    assert (rows[0]["entropy"], rows[0]["chance"]) == (None, None)
    assert rows[1]["effective_experts"] == pytest.approx(2)


def test_names_of_practitioners_have_their_formulas() -> None:
    found = {name: values[0] for name, values in practice(np.array([[6, 2, 0, 0]])).items()}
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found == pytest.approx(
        {
            "balancedness": 2 / 6,
            "imbalance": 3,
            "normalized_entropy": entropy / math.log(4),
            "used_share": math.exp(entropy) / 4,
            "kl_uniform": math.log(4) - entropy,
            "max_vio": 2,
        }
    )
    assert set(found) == set(PRACTICE)
    assert all(np.isnan(values[0]) for values in practice(np.zeros((1, 3), np.int64)).values())


def test_many_numbers_of_tokens_are_rounded_for_chance() -> None:
    counts = np.arange(1, 401).reshape(1, 200, 1, 2)
    log = Routing(counts=counts, layers=(0,), steps=tuple(range(200)), top_k=1)
    found = chances(log, counts.sum(-1).ravel())
    assert len({id(one) for one in found}) == 200
    assert len({one["max_violation"].mean for one in found if one}) < 120
