"""The exceptions of Leafscope.

    LeafscopeError
    ├── ConfigFileError     a file does not hold a valid configuration
    ├── DataError           a data set cannot be loaded or split as configured
    │   ├── TableError          a file cannot be read as a table, or no table has this address
    │   └── RoutingError        a file cannot be read as counts of experts, or no routing log has this address
    ├── LimitError          something does not fit in memory, or exceeds a limit
    ├── DeviceError         the requested device is missing
    ├── NonFiniteLossError  the loss became NaN or infinite in training
    ├── StoreError          the database cannot be used (newer schema, damaged, locked)
    │   └── RunNotFoundError    no run has this id
    ├── SchedulerError      no cluster can train with the scheduler that is named
    ├── RunStateError       the run's status does not allow the operation
    └── ArchiveError        a file of exported runs cannot be written, or is refused

An invalid configuration raises pydantic's `ValidationError`, a `ValueError`; `core.config.explain` converts it to one
sentence for each field.
"""


class LeafscopeError(Exception):
    """Base class of errors whose message is a sentence for the user."""


class ConfigFileError(LeafscopeError):
    """A file does not hold a valid configuration."""


class DataError(LeafscopeError):
    """A data set cannot be loaded or split as configured."""


class TableError(DataError):
    """A file cannot be read as a table, or no table has this address."""


class RoutingError(DataError):
    """A file cannot be read as counts of experts, or no routing log has this address."""


class LimitError(LeafscopeError):
    """Something does not fit in memory, or exceeds a limit."""


class DeviceError(LeafscopeError):
    """The requested device is missing."""


class NonFiniteLossError(LeafscopeError):
    """The loss became NaN or infinite; raised before the update that would use it.

    `epoch` counts from 1 (epoch 0 is before training), `step` from 1 within the epoch; `step` is None if the loss is found
    after the last step of the last epoch.
    """

    def __init__(self, epoch: int, step: int | None, value: float) -> None:
        where = f"after epoch {epoch}" if step is None else f"in epoch {epoch}, step {step}"
        super().__init__(
            f"the training loss became {value} {where}; nothing was updated with it. A lower learning rate usually helps."
        )
        self.epoch = epoch
        self.step = step
        self.value = value


class StoreError(LeafscopeError):
    """The database cannot be used."""

    def __init__(self, message: str, *, can_pass: bool = False) -> None:
        super().__init__(message)
        self.can_pass = can_pass
        """Whether it may work again later, such as when the disk is no longer full."""


class RunNotFoundError(StoreError):
    """No run has this id."""


class SchedulerError(LeafscopeError):
    """No cluster can train with the scheduler that is named."""


class RunStateError(LeafscopeError):
    """The run's status does not allow the operation."""


class ArchiveError(LeafscopeError):
    """A file of exported runs cannot be written, or was not imported because it is damaged, foreign or newer."""


OUT_OF_MEMORY = "training ran out of memory; a smaller depth, width or batch needs less"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out: in Python, on the GPU, or in torch on the CPU, which raises a plain RuntimeError."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
