"""Copies and translations of evaluation texts, on texts made for the purpose."""

from __future__ import annotations

from ner_engine.training.leakage import copied_ids, match_translations
from ner_engine.types import Document


def _document(document_id, text, language="es"):
    return Document(document_id, text, language)


WORDS = " ".join(f"palabra{i}" for i in range(60))
OTHERS = " ".join(f"otra{i}" for i in range(60))


def test_a_text_that_holds_a_held_out_text_is_a_copy():
    candidates = [_document("a", f"{WORDS} y algo más"), _document("b", OTHERS)]
    assert copied_ids(candidates, [_document("test", WORDS)]) == {"a"}


def test_a_shared_phrase_is_no_copy():
    shared = " ".join(WORDS.split()[:13])
    candidates = [_document("a", f"{OTHERS} {shared}")]
    assert copied_ids(candidates, [_document("test", WORDS)]) == frozenset()


def test_a_short_text_is_a_copy_only_when_it_is_the_same():
    candidates = [_document("a", "tos seca"), _document("b", "tos productiva")]
    assert copied_ids(candidates, [_document("test", "Tos seca")]) == {"a"}


def test_a_translation_is_matched_by_its_numbers_and_acronyms():
    sources = [
        _document("s1", "Mujer de 47 años, Hb 9,3 y VSG 102; TAC en 2011, 375 mg"),
        _document("s2", "Varón de 61 años, CK 2300, RMN normal, alta a los 19 días"),
        _document("s3", "Niño de 8 años con IgE 640, PEF 71 y 12 prick tests"),
    ]
    translated = [
        _document("t1", "A 47-year-old woman, Hb 9.3, VSG 102; TAC 2011, 375 mg", "en"),
        _document("t2", "A man with no numbers at all in the whole of his text", "en"),
    ]
    assert match_translations(translated, sources) == {"t1": "s1"}


def test_a_doubtful_translation_is_not_matched():
    twin = "Mujer de 47 años, Hb 9,3 y VSG 102, tratada"
    sources = [_document("s1", twin), _document("s2", twin), _document("s3", "CK 8")]
    translated = [_document("t", "A 47-year-old woman, Hb 9.3, VSG 102, seen", "en")]
    assert match_translations(translated, sources) == {}
