"""The OpenAPI schema is valid, complete and free of warnings."""

from __future__ import annotations

import io

import pytest
import yaml
from django.core.management import call_command

from annotator.api.serializers.annotations import GESTURE_ACTIONS
from annotator.api.urls import urlpatterns
from annotator.forms.gestures import GestureForm
from tests.annotator.factories import make_user

pytestmark = pytest.mark.integration


def test_schema_validates_without_a_warning():
    written = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=written)
    assert written.getvalue().startswith("openapi: 3")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("?format=json", lambda answer: answer.json()),
        ("?format=yaml", lambda answer: yaml.safe_load(answer.content)),
        ("", lambda answer: yaml.safe_load(answer.content)),
    ],
)
def test_schema_is_served_as_json_and_yaml(api, wanted, read):
    schema = read(api(make_user()).get(f"/api/schema/{wanted}"))
    assert schema["info"]["title"] == "Glosa"
    # the schema does not describe itself
    assert len(schema["paths"]) == len(urlpatterns) - 1
    for operations in schema["paths"].values():
        for operation in operations.values():
            refusal = operation["responses"]["default"]["content"]["application/json"]
            assert refusal["schema"] == {"$ref": "#/components/schemas/Error"}
            assert operation["security"] in (
                [{"tokenAuth": []}, {"cookieAuth": []}],
                [{}],
            )


def test_actions_are_those_of_the_page():
    of_page = [value for value, _ in GestureForm.base_fields["action"].choices]
    assert of_page == list(GESTURE_ACTIONS)
