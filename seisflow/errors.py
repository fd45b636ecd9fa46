"""The one exception family of seisflow.

Every message is a single line that names the file, the value found, what was expected and the
remedy. The command line prints it as it is and exits with 1.
"""

from seisflow.shown import shown


class SeisflowError(Exception):
    """Root of everything seisflow raises on purpose.

    Its text is one line, whatever names and values of files it repeats.
    """

    def __str__(self) -> str:
        return shown(super().__str__().replace("\n", " "))


class DataError(SeisflowError):
    """A file or its samples cannot be used as they are."""


class GeometryError(DataError):
    """Lines, traces or coordinates cannot be made out from the headers."""


class ModelError(SeisflowError):
    """A saved model is missing, damaged, or does not fit the data."""


class ConfigError(SeisflowError):
    """A configuration key or value is not usable."""


class TrainingError(SeisflowError):
    """Training cannot go on."""


class OutputError(SeisflowError):
    """A result cannot be written where it was asked for."""


class WorkerError(SeisflowError):
    """A process that shared the work ended before it was done."""


class MissingPackageError(SeisflowError):
    """An optional package is needed and not installed."""
