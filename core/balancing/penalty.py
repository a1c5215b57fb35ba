"""A penalty in the loss on inner nodes that send most rows to one side: `core.nets.balance_penalty`."""

from leafscope.core.balancing.registry import BALANCINGS, Balancing

PENALTY = BALANCINGS.register(
    Balancing(
        name="penalty",
        title="penalty",
        meaning="the loss has a penalty on inner nodes that send most rows to one side",
        strength="weight",
        compiled=True,
        place=0,
    )
)
