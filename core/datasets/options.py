"""Options that several data sets share."""

from leafscope.core.datasets.registry import Option


def n_samples(default: int) -> Option:
    """Option for the number of rows, from 20 to 200,000."""
    return Option(
        name="n_samples",
        default=default,
        low=20,
        high=200_000,
        label="Rows to generate",
        meaning="All splits together.",
        words="rows drawn",
    )


def deviation(default: float) -> Option:
    """Option for the noise on the points: its standard deviation, from 0 to 10."""
    return Option(
        name="noise",
        default=default,
        low=0.0,
        high=10.0,
        label="Noise",
        meaning="Standard deviation of the noise added to the points.",
        is_open=True,
    )


def share_of_labels(default: float) -> Option:
    """Option for the noise on the labels: the share of labels that are drawn again, from 0 to 1."""
    return Option(
        name="noise",
        default=default,
        low=0.0,
        high=1.0,
        label="Noise",
        meaning="Share of the labels that are replaced by random ones.",
        what="a share of labels",
        is_open=True,
    )
