"""The label scheme that new projects start with. A leaf module.

The clinical scheme that the transfer method was published with, in its order. Rows
store the English descriptions; pages say those that nobody changed in the reader's
language.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

DEFAULT_LABELS: tuple[dict[str, Any], ...] = (
    {
        "name": "MEDICATION",
        "short_name": "MED",
        "local_names": {"es": "Medicamento", "fr": "Médicament", "en": "Medication"},
        "description": gettext_noop(
            "Drug, brand, drug class, vaccine, fluid or oxygen given as treatment; not"
            " its dose, form or route."
        ),
    },
    {
        "name": "DOSAGE",
        "short_name": "DOS",
        "local_names": {"es": "Dosis", "fr": "Dose", "en": "Dose"},
        "description": gettext_noop("Amount given each time, or strength."),
    },
    {
        "name": "FREQUENCY",
        "short_name": "FREQ",
        "local_names": {"es": "Frecuencia", "fr": "Fréquence", "en": "Frequency"},
        "description": gettext_noop("How often something is taken, done or happens."),
    },
    {
        "name": "DURATION",
        "short_name": "DUR",
        "local_names": {"es": "Duración", "fr": "Durée", "en": "Duration"},
        "description": gettext_noop("Length of time, without its preposition."),
    },
    {
        "name": "FINDING",
        "short_name": "FIND",
        "local_names": {
            "es": "Hallazgo o enfermedad",
            "fr": "Signe ou maladie",
            "en": "Finding",
        },
        "description": gettext_noop(
            "Sign, symptom, disease or abnormal result named in words, also when"
            " denied, past or of the family."
        ),
    },
)
DEFAULT_DESCRIPTIONS = frozenset(label["description"] for label in DEFAULT_LABELS)
