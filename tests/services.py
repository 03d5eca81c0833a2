"""PostgreSQL, Redis and RabbitMQ for tests that carry the marker ``services``.

Each is taken from GLOSA_TEST_POSTGRES_URL, GLOSA_TEST_REDIS_URL or
GLOSA_TEST_RABBITMQ_URL, or else looked for at its standard port on this host. Where
none answers the test is skipped with a message, or fails with GLOSA_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

STANDARD = {
    # As the role that a fresh PostgreSQL has.
    "postgres": "postgres://postgres@127.0.0.1:5432/postgres",
    # A database of its own number: the tests empty it.
    "redis": "redis://127.0.0.1:6379/15",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672//",
}


def service_url(name: str) -> str:
    """Return the address of a service that answers; skip or fail without one."""
    variable = f"GLOSA_TEST_{name.upper()}_URL"
    url = os.environ.get(variable) or STANDARD[name]
    if not _listens(url):
        message = f"no {name} answers; start one or set {variable}"
        if os.environ.get("GLOSA_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return url


@contextmanager
def own_postgres_database() -> Iterator[str]:
    """Make a database on the server and drop it afterwards; yield its URL."""
    import psycopg

    url = service_url("postgres")
    name = f"glosa_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=2):
            return True
    except OSError:
        return False
