"""`python -m config.embedded serve|tool …`: what `./run` calls in the made environment."""

import sys

from config.embedded.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
