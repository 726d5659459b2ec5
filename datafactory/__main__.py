"""`python -m datafactory` is `datafactory`."""

from datafactory.cli import main

main()
