"""A loss on experts that get more rows than others: E sum f p (Fedus et al. 2021, arXiv 2101.03961; `core.mixtures.moe`)."""

from leafscope.core.balancing.registry import BALANCINGS, Balancing

LOSS = BALANCINGS.register(
    Balancing(
        name="loss",
        title="auxiliary loss",
        meaning="the loss has a term that is smallest when all experts get as many rows and as high scores",
        strength="weight",
        of=("experts",),
        place=5,
    )
)
