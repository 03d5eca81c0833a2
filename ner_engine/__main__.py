"""The command line: ``python -m ner_engine COMMAND``."""

from __future__ import annotations

import sys

from ner_engine.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
