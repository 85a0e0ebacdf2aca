"""The one hierarchy of foreseeable faults.

Every error says what happened and where, and `remedy` says what to do next. Neither ever holds the content of a
message or a username. The command line prints both lines and leaves with `exit_code`; a traceback means a defect.
"""

from __future__ import annotations


class CopenetError(Exception):
    """A foreseeable fault.

    Args:
        message: What happened, and where (a file, a line, a setting), without content or names of people.
        remedy: What the reader can do next; empty only where nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword argument when an error crosses a process boundary."""
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(kind: type[CopenetError], message: str, remedy: str) -> CopenetError:
    return kind(message, remedy=remedy)


class UsageError(CopenetError):
    """A wrong command line, argument or setting (exit 2)."""

    exit_code = 2


class InputError(CopenetError):
    """Input that cannot be used at all; nothing was kept (exit 3)."""

    exit_code = 3


class RefusedError(CopenetError):
    """The data do not identify the effect asked for, or the request is not allowed (exit 4)."""

    exit_code = 4


class ResourceError(CopenetError):
    """A store, a library, memory or disk is not available (exit 5)."""

    exit_code = 5


class DefectError(CopenetError):
    """A promise between two parts of copenet was broken: please report it (exit 1)."""
