"""The benchmark behind `leafscope bench`: the cost of capacity, against dense layers, other implementations and itself.

Groups: `capacity`, `peers`, `sweep`; each is a list of flat rows. A result is a JSON document: `environment` (machine,
versions, threads, date), `quick`, `groups`.
"""

FEATURES = 64
"""P and Q of the layers that are timed."""
