"""`python -m gridrates` is the command line."""

from gridrates.cli import main

main()
