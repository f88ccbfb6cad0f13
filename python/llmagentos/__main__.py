"""`python -m llmagentos` is the `llmagentos` command."""

from llmagentos.cli import main

if __name__ == "__main__":
    main()
