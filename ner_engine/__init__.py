"""Glosa's clinical NER engine: a library and a command line that never import Django.

Importing this package is cheap: torch, transformers and spaCy are imported by the
functions that need them.
"""

from ner_engine.errors import NerEngineError
from ner_engine.labels import DEFAULT_LABELS, LabelScheme
from ner_engine.types import Document, Span, Token, Turn

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_LABELS",
    "Document",
    "LabelScheme",
    "NerEngineError",
    "Span",
    "Token",
    "Turn",
    "__version__",
]
