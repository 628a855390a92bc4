"""The command `backstop`, which is also `python -m backstop`."""

import os
import signal
import sys

from backstop import _core


def main() -> int:
    """Runs the command line and returns the exit code."""
    program = sys.argv[0]
    if os.path.basename(program) == "__main__.py":
        program = os.path.join(os.path.dirname(sys.executable), "backstop")
    # The program installs its own handler for Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.command([program, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
