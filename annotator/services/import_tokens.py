"""Gives the documents of an import their tokens, and finds those that get none.

One text that the engine dies of must not cost the others: a batch that fails is halved
until the text is alone.
"""

from __future__ import annotations

import logging

from annotator import engine
from annotator.engine_child import Watch
from annotator.exceptions import EngineFailed
from annotator.services.import_checks import Candidate
from annotator.services.import_problems import Problem

logger = logging.getLogger(__name__)


def set_tokens(candidates: list[Candidate], watch: Watch) -> list[Problem]:
    """Set the candidates' tokens; return a problem for each one that has none.

    Raises EngineFailed when the engine fails at anything: no text is to blame then.
    """
    if not candidates:
        return []
    try:
        version, tokens = engine.tokenise(
            [(c.external_id, c.text, c.language) for c in candidates], watch=watch
        )
    except EngineFailed as error:
        if len(candidates) == 1:
            engine.tokenise([], watch=watch)
            logger.warning("import: a text was not tokenised (%s)", error.kind)
            return [candidates[0].problem("not_tokenised", kind=error.kind)]
        middle = len(candidates) // 2
        halves = candidates[:middle], candidates[middle:]
        return [problem for half in halves for problem in set_tokens(half, watch)]
    for candidate in candidates:
        candidate.tokens = tokens[candidate.external_id]
        candidate.tokenizer_version = version
    return []
