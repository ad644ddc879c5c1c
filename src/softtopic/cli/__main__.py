"""`python -m softtopic.cli`."""

from softtopic.cli import main

main()
