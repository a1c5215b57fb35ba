"""The width, or the number of experts, with which another model costs as much as a net, as nearly as whole numbers allow.

P features · Q outputs. Equal multiply-adds: at inference, by the width. Equal parameters: by the number of experts of a model
that has experts, at the net's own width; otherwise by the width.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from leafscope.core.models.counting import nearest
from leafscope.core.models.dense import WIDEST, costs_as, size_of_net
from leafscope.core.models.registry import MODELS, Beside

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig

Cost = Literal["multiply_adds", "parameters"]


def equal_cost(net: "NetConfig", kind: str, cost: Cost, n_features: int, n_outputs: int) -> tuple[dict[str, Any], float]:
    """Solve for a model of a kind, with its default options, that costs as much as a net: what to change, and the deviation.

    The changes are dotted fields. The deviation is the model's cost divided by the net's, minus 1; it is above 2 % where whole
    numbers allow no closer model. Raises ValueError for a model that is not a net, and unless both sizes are at least 1.

    >>> from leafscope.core.config import NetConfig
    >>> equal_cost(NetConfig(depth=4, width=16), "moe", "parameters", 64, 10)[0]
    {'net.kind': 'moe', 'net.experts': 29}
    >>> changes, deviation = equal_cost(NetConfig(depth=4, width=16), "fff", "multiply_adds", 64, 10)
    >>> changes, round(deviation, 3)
    ({'net.kind': 'fff', 'net.width': 15}, -0.031)
    """
    same = {name: getattr(net, name) for name in ("depth", "width", "tree_layers")}
    other = type(net).model_validate({**same, "kind": kind})
    goal = getattr(size_of_net(net, n_features, n_outputs), cost)
    experts = next((option for option in MODELS[kind].options if option.name == "experts" and cost == "parameters"), None)
    field, low, high = ("width", 1, WIDEST) if experts is None else ("experts", other.top_k, int(experts.high))

    def count(value: int) -> int:
        found: int = getattr(size_of_net(other.model_copy(update={field: value}), n_features, n_outputs), cost)
        return found

    solved = nearest(count, goal, low, high)
    return {"net.kind": kind, f"net.{field}": solved}, count(solved) / goal - 1


def beside(kind: str, cost: Cost) -> Any:
    """Make what a line needs to set a model of a kind beside a net at equal cost."""

    def found(net: "NetConfig", n_features: int, n_outputs: int) -> Iterator[Beside]:
        goal, variant = costs_as(net)
        if goal.kind != kind:
            changes, deviation = equal_cost(goal, kind, cost, n_features, n_outputs)
            yield Beside(changes, by_depth=True, variant=variant, deviation=deviation)

    return found
