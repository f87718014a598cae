"""``python -m xlate`` is the same program as ``xlate``."""

from xlate.cli import main

if __name__ == "__main__":
    main()
