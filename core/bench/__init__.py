"""The benchmark behind `leafscope bench`: the cost of capacity, against dense layers, other implementations and itself.

Groups: `capacity`, `peers`, `sweep`; each is a list of flat rows. A result is a JSON document: `environment` (machine,
versions, threads, date), `quick`, `groups`, and `left_out`: group -> what there was no time for.
"""

FEATURES = 64
"""P and Q of the layers that are timed."""

QUICK_SECONDS = {"capacity": 34.0, "peers": 3.0, "sweep": 3.0}
"""Group -> seconds that a quick measurement takes, within a factor of 1.5; the first one's include the program's start."""
