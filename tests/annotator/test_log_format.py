"""What the logs print of an exception: where and of which class, not what it says."""

from __future__ import annotations

import logging
import sys

LOGGERS = ["", "django", "django.request", "django.security", "gunicorn.error"]
SECRET = "Cefalea intensa"


def handlers() -> list[logging.Handler]:
    """The handlers that the settings made; pytest adds some of its own."""
    found = [
        handler for name in LOGGERS for handler in logging.getLogger(name).handlers
    ]
    return [handler for handler in found if type(handler).__module__ == "logging"]


def look_up() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise LookupError(SECRET) from error


def record_of_a_failure() -> logging.LogRecord:
    try:
        look_up()
    except LookupError:
        info = sys.exc_info()
    return logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", None, info)


def test_no_handler_prints_the_text_of_an_exception():
    record = record_of_a_failure()
    # another formatter was there before and left what it made
    logging.Formatter().format(record)

    lines = [handler.format(record) for handler in handlers()]

    assert lines
    for line in lines:
        assert SECRET not in line
        assert line.index("builtins.ValueError") < line.index("builtins.LookupError")
        assert "in record_of_a_failure" in line


def test_only_handlers_of_the_settings_print_what_a_page_raised():
    assert {type(handler) for handler in handlers()} == {logging.StreamHandler}
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            assert "AdminEmail" not in type(handler).__name__
