"""Django's command line for Glosa."""

import os
import sys


def main() -> None:
    """Run a management command under the settings of this project."""
    # What is made here may hold notes: nobody else on this machine reads it.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
