"""How a program ends: what it says to the person, and what it returns to the shell."""

import os
import sys
from collections.abc import Callable

from tfsep.errors import TfsepError


def exit_code(run: Callable[[], int], *, program: str, debug: bool, kept: str = "what was finished is kept") -> int:
    """Run a command; where it fails, print one line.

    Args:
        run: returns an exit code.
        program: its name, with which the line begins.
        debug: whether an error is to be raised again, for its traceback.
        kept: what is left after Ctrl-C.
    Returns: what `run` does; of a TfsepError its `exit_code`, 130 after Ctrl-C, 0 where the reader of the output has gone.
    """
    try:
        return run()
    except TfsepError as error:
        if debug:
            raise
        print(f"{program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{program}: interrupted; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `tfsep info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
