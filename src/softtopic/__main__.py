"""`python -m softtopic`."""

from softtopic.cli import main

main()
