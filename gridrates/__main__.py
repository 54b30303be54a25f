"""`gridrates` and `python -m gridrates` are the command line."""

import signal
from importlib import import_module


def main() -> None:
    """Load the command line and run it.

    Ctrl-C while modules are loaded ends the process at once: there is nothing yet to clean up, and a
    KeyboardInterrupt that is raised inside an import may be swallowed there, or end as a traceback.
    """
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    command_line = import_module("gridrates.cli")
    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line.main()


if __name__ == "__main__":
    main()
