"""Writes a bundle's model card from its configuration and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_METHOD = (
    "Marks spans in clinical text: {heads} over a shared encoder,"
    " decoded by constrained Viterbi{chain}; the confidence of a span is the exact"
    " posterior of its tags, calibrated on held-out notes."
)
_JOINT = "one softmax over the tags of all labels"
_MULTI = "one BIO head per label"


def write_card(config: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [f"# {config.get('name') or 'bundle'}", ""]
    if config.get("description"):
        lines += [str(config["description"]), ""]
    lines += [
        _method(str(config.get("heads", "multi"))),
        "",
        f"- Labels: {', '.join(config['labels'])}",
        f"- Languages: {', '.join(config.get('languages', ())) or 'not stated'}",
        f"- Encoder: {_encoder(config['encoder'])}",
        f"- Tokens: {config['tokenizer_version']}",
        f"- Started from: {config.get('parent') or 'an encoder'}",
        f"- Recipe: {config.get('recipe', {}).get('name', 'none')}",
        f"- Seed: {config.get('seed', 0)}",
        *(f"- {name}: {value}" for name, value in config.get("data", {}).items()),
        "",
        *_evaluations(metrics.get("evaluation", ())),
        *_scores(metrics),
        *_sources(config.get("sources", ())),
        "Not a medical device: its suggestions are to be checked by a clinician.",
        "",
    ]
    return "\n".join(lines)


def _method(heads: str) -> str:
    return _METHOD.format(
        heads=_JOINT if heads.startswith("joint") else _MULTI,
        chain=" with learned transitions" if heads.endswith("_crf") else "",
    )


def _encoder(encoder: dict[str, Any]) -> str:
    return (
        f"{encoder.get('model_type')}, {encoder.get('num_hidden_layers')} layers,"
        f" width {encoder.get('hidden_size')}, {encoder.get('vocab_size')} pieces;"
        " matrices stored as 8-bit rows"
    )


def _scores(metrics: dict[str, Any]) -> Iterator[str]:
    """Yield a table for each scored set that has a micro-averaged F1."""
    for name, scores in metrics.items():
        if not isinstance(scores, dict) or "f1" not in scores:
            continue
        yield f"## Scores on {name}: exact span and label"
        yield ""
        yield "| | F1 | precision | recall |"
        yield "|---|---|---|---|"
        yield (
            f"| all, micro | {_number(scores['f1'])} |"
            f" {_number(scores.get('precision'))} | {_number(scores.get('recall'))} |"
        )
        for label, values in scores.get("labels", {}).items():
            f1 = values.get("f1") if isinstance(values, dict) else values
            yield f"| {label} | {_number(f1)} | | |"
        yield ""


def _evaluations(rows: Any) -> Iterator[str]:
    """Yield a table of scores with intervals on sets that were not trained on."""
    if not rows:
        return
    seen = [row for row in rows if row.get("corpus_in_training")]
    yield "## Scores on sets it was not trained on"
    yield ""
    yield (
        "F1 of exact span and label, in percent; 95 % bootstrap interval over documents"
        " in brackets. Their annotation schemes differ from ours and from each other."
        " ECE: how far confidences, in percent, lie from the share that is right."
    )
    yield ""
    yield "### Corpora that it never saw"
    yield ""
    yield from _score_table([row for row in rows if row not in seen])
    if seen:
        yield "### Test splits of corpora of which it learned other texts"
        yield ""
        yield from _score_table(seen)


def _score_table(rows: Any) -> Iterator[str]:
    labels = sorted({label for row in rows for label in row["labels"]})
    yield f"| set | documents | spans | all | {' | '.join(labels)} | ECE |"
    yield "|---" * (5 + len(labels)) + "|"
    for row in rows:
        cells = [_with_interval(row["labels"].get(label)) for label in labels]
        yield (
            f"| {row['set']} | {row['n_documents']} | {row['n_gold']} |"
            f" {_with_interval(row['micro'])} | {' | '.join(cells)} | {_percent(row)} |"
        )
    yield ""


def _percent(row: Any) -> str:
    return "" if row.get("ece") is None else f"{100 * row['ece']:.1f}"


def _with_interval(scores: Any) -> str:
    if not scores or scores.get("f1") is None:
        return ""
    low, high = scores.get("interval") or (None, None)
    if low is None or high is None:
        return f"{100 * scores['f1']:.1f}"
    return f"{100 * scores['f1']:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def _sources(sources: Any) -> Iterator[str]:
    if not sources:
        return
    yield "## Data and weights of others"
    yield ""
    yield "| name | licence | notes |"
    yield "|---|---|---|"
    for source in sources:
        others = "; ".join(
            f"{key}: {value}"
            for key, value in source.items()
            if key not in {"name", "licence"}
        )
        yield f"| {source.get('name')} | {source.get('licence')} | {others} |"
    yield ""


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else ""
