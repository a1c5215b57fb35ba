"""The exceptions of Leafscope.

    LeafscopeError
    ├── ConfigFileError     a file does not hold a valid configuration
    ├── DataError           a data set cannot be loaded or split as asked
    ├── LimitError          something does not fit in memory, or is over a stated limit
    ├── DeviceError         the device asked for is not there
    ├── NonFiniteLossError  the loss became NaN or infinite in training
    ├── StoreError          the database cannot be used (newer schema, damaged, locked)
    │   └── RunNotFoundError    no run has this address
    ├── RunStateError       the run's status does not allow what was asked
    └── ArchiveError        a file of exported runs cannot be written, or is refused

A configuration that is not valid raises pydantic's `ValidationError`, a `ValueError`; `core.config.explain` turns it
into one sentence for each field.
"""


class LeafscopeError(Exception):
    """Anything that Leafscope reports to a person in a sentence."""


class ConfigFileError(LeafscopeError):
    """A file does not hold a valid configuration."""


class DataError(LeafscopeError):
    """A data set cannot be loaded or split as asked."""


class LimitError(LeafscopeError):
    """Something does not fit in memory, or is over a stated limit."""


class DeviceError(LeafscopeError):
    """The device asked for is not there."""


class NonFiniteLossError(LeafscopeError):
    """The loss became NaN or infinite; raised before the update that would have used it.

    `epoch` counts from 1 (epoch 0 is before training), `step` counts from 1 within the epoch; after the last step of the
    last epoch, where no update follows, `step` is None.
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


class RunNotFoundError(StoreError):
    """No run has this address."""


class RunStateError(LeafscopeError):
    """The run's status does not allow what was asked."""


class ArchiveError(LeafscopeError):
    """A file of exported runs cannot be written, or is damaged, foreign or newer and was not imported."""


OUT_OF_MEMORY = "the memory ran out while training; a smaller depth, width or batch needs less"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, the GPU's, or the CPU's, of which torch makes a plain RuntimeError."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
