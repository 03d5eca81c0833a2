"""What tests of the API share: a data folder of their own and clients with tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from annotator.models import Project, User
from annotator.services.tokens import issue_token
from tests.annotator.factories import make_member, make_project

Api = Callable[[User], Client]


@pytest.fixture(autouse=True)
def own_data(settings, tmp_path):
    """Keep files of one test, and counted log-ins, from the next."""
    settings.ANNOTATOR_DATA_DIR = tmp_path / "data"
    cache.clear()
    yield settings.ANNOTATOR_DATA_DIR
    cache.clear()


@pytest.fixture
def api() -> Api:
    """Return a function that gives a person's client, logged in by token."""
    return lambda user: Client(
        headers={"Authorization": f"Token {issue_token(user=user)}"}
    )


@pytest.fixture
def project() -> Project:
    return make_project("alta")


@pytest.fixture
def annotator(project, api) -> Client:
    return api(make_member(project, "annotator", "ana"))


@pytest.fixture
def reviewer(project, api) -> Client:
    return api(make_member(project, "reviewer", "rosa"))


@pytest.fixture
def admin(project, api) -> Client:
    return api(make_member(project, "admin", "ada"))


@pytest.fixture
def outsider(api) -> Client:
    return api(make_member(make_project("other"), "admin", "otto"))
