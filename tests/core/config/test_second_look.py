"""A second look: a sweep with more reporting seeds, which its address and its table carry."""

import pytest
from pydantic import ValidationError

from leafscope.core.config import SweepConfig

FAIR = SweepConfig(axes={"seed": [0, 1, 9]}, report_seeds=[3, 5])


def test_the_next_unused_seeds_are_added_and_the_first_look_is_remembered() -> None:
    more = FAIR.with_more_seeds(2)
    assert (more.report_seeds, more.second_look_after) == ([3, 5, 10, 11], 2)
    third = more.with_more_seeds(1)
    assert (third.report_seeds, third.second_look_after) == ([3, 5, 10, 11, 12], 2)
    assert more.axes == FAIR.axes


def test_it_is_part_of_the_address_only_where_it_is_set() -> None:
    at_once = SweepConfig.model_validate(FAIR.model_dump() | {"report_seeds": [3, 5, 10, 11]})
    assert len({FAIR.sweep_id, at_once.sweep_id, FAIR.with_more_seeds(2).sweep_id}) == 3
    assert SweepConfig.model_validate(FAIR.model_dump() | {"second_look_after": None}).sweep_id == FAIR.sweep_id


@pytest.mark.parametrize(("first", "seeds"), [(2, [3, 5]), (1, None), (0, [3, 5])])
def test_it_must_be_fewer_than_all_reporting_seeds(first: int, seeds: list[int] | None) -> None:
    with pytest.raises(ValidationError, match="second_look_after"):
        SweepConfig(report_seeds=seeds, axes={"seed": [0]}, second_look_after=first)
