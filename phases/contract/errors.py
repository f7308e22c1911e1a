"""The errors that a phase reports as one line instead of a traceback."""


class BadInputError(ValueError):
    """A flag or an input file is unusable. The message names it, what was expected and what to do."""


class PhaseFailedError(RuntimeError):
    """The inputs are fine, but the phase cannot finish. The message says why and what to try."""


class LocalFailureError(PhaseFailedError):
    """Only this process of several failed, so it reports the error even if it is not the main process."""
