"""`python -m aryl`: the same as the `aryl` command."""

from aryl.cli import main

if __name__ == "__main__":
    main()
