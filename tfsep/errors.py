"""Errors that a person can act on.

Every message names the file or argument, the value received, what is allowed and, where there is one, the next step. The
command line prints the message alone, without a traceback, and exits with `exit_code`.
"""


class TfsepError(Exception):
    """Something failed while doing what was asked: a file, a disk, a model. Exit code 1."""

    exit_code = 1


class UsageError(TfsepError):
    """What was asked cannot be done as asked: an argument, a combination, a name. Exit code 2."""

    exit_code = 2


class AudioError(TfsepError):
    """A file cannot be read or written as audio."""


class ModelError(TfsepError):
    """A model file is missing, damaged, or of another kind or version than this program reads."""


class DataError(TfsepError):
    """A training or evaluation folder does not hold what its layout promises."""


class TrainingError(TfsepError):
    """A training run cannot usefully go on: a loss or a weight is not finite, or a critic has collapsed or exploded."""


class MissingExtraError(TfsepError):
    """An optional package is not installed.

    Args:
        package: the name imported.
        extra: the extra of tfsep's that installs it.
        purpose: what it is wanted for, in a few words.
    """

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package}, which is not installed: run  pip install 'tfsep[{extra}]'")
