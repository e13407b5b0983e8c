"""``python -m dynsamp``."""

import sys

from dynsamp.cli import main

if __name__ == "__main__":  # spawned workers import this module too
    sys.exit(main())
