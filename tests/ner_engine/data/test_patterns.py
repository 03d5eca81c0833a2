"""Tables of what the patterns must find, and must leave alone."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_engine.data.pattern_matcher import fold
from ner_engine.data.pattern_vocabulary import PATTERN_LANGUAGES
from ner_engine.data.patterns import PATTERN_LABELS, find_pattern_spans


def _found(text, language):
    return [
        (span.mention(text), span.label[:4])
        for span in find_pattern_spans(text, language)
    ]


SPANISH = [
    ("paracetamol 1g c/8h", [("1g", "DOSA"), ("c/8h", "FREQ")]),
    ("metamizol 1 gr/8 h si precisa",
     [("1 gr", "DOSA"), ("/8 h", "FREQ"), ("si precisa", "FREQ")]),
    ("paracetamol 1.000 mg, 1 comp cada 8 horas",
     [("1.000 mg", "DOSA"), ("1 comp", "DOSA"), ("cada 8 horas", "FREQ")]),
    ("digoxina 0,25 mg al día", [("0,25 mg", "DOSA"), ("al día", "FREQ")]),
    ("lorazepam ½ comp por la noche", [("½ comp", "DOSA"), ("por la noche", "FREQ")]),
    ("medio comprimido de Sintrom", [("medio comprimido", "DOSA")]),
    ("Augmentine 500/125 mg 1-0-1", [("500/125 mg", "DOSA"), ("1-0-1", "FREQ")]),
    ("insulina 10 UI antes de cenar", [("10 UI", "DOSA"), ("antes de cenar", "FREQ")]),
    ("Lantus 24 unidades 0-0-1", [("24 unidades", "DOSA"), ("0-0-1", "FREQ")]),
    ("Novomix 20-0-14", [("20-0-14", "FREQ")]),
    ("amoxicilina 30 mg/kg/día en 3 tomas al día",
     [("30 mg/kg/día", "DOSA"), ("3 tomas al día", "FREQ")]),
    ("enalapril 40 mg/día", [("40 mg", "DOSA"), ("/día", "FREQ")]),
    ("bisoprolol 5 mg/24h", [("5 mg", "DOSA"), ("/24h", "FREQ")]),
    ("Ventolin 2 puffs a demanda", [("2 puffs", "DOSA"), ("a demanda", "FREQ")]),
    ("heparina 0,125 g", [("0,125 g", "DOSA")]),
    ("prednisona a dosis bajas", [("dosis bajas", "DOSA")]),
    ("furosemida 40\u00a0mg BID", [("40\u00a0mg", "DOSA"), ("BID", "FREQ")]),
    ("levotiroxina 75 µg en ayunas", [("75 µg", "DOSA"), ("en ayunas", "FREQ")]),
    ("calcifediol 0,266 mg una vez al mes",
     [("0,266 mg", "DOSA"), ("una vez al mes", "FREQ")]),
    ("suero glucosado al 5%", [("5%", "DOSA")]),
    ("O2 en gafas nasales a 2 lpm", [("2 lpm", "DOSA")]),
    ("amoxicilina durante 7 días", [("7 días", "DURA")]),
    ("tos desde hace tres semanas", [("tres semanas", "DURA")]),
    ("HTA de 10 años de evolución", [("10 años", "DURA")]),
    ("dolor de meses de evolución", [("meses", "DURA")]),
    ("caída hace 3 días", [("3 días", "DURA")]),
    ("en las últimas 24 horas", [("las últimas 24 horas", "DURA")]),
    ("durante aproximadamente un mes", [("aproximadamente un mes", "DURA")]),
    ("tras 4-5 dias de fiebre", [("4-5 dias", "DURA")]),
    ("a los 3 meses de la cirugía", [("los 3 meses", "DURA")]),
    ("dos o tres veces por semana", [("dos o tres veces por semana", "FREQ")]),
    ("revisión cada 6 meses", [("cada 6 meses", "FREQ")]),
    ("lunes, miércoles y viernes", [("lunes, miércoles y viernes", "FREQ")]),
]  # fmt: skip

FRENCH = [
    ("paracétamol 1 g 3 fois par jour",
     [("1 g", "DOSA"), ("3 fois par jour", "FREQ")]),
    ("Doliprane 1000mg toutes les 6 heures si besoin",
     [("1000mg", "DOSA"), ("toutes les 6 heures", "FREQ"), ("si besoin", "FREQ")]),
    ("Kardégic 75 mg/j", [("75 mg", "DOSA"), ("/j", "FREQ")]),
    ("amoxicilline 80 mg/kg/j", [("80 mg/kg/j", "DOSA")]),
    ("Lasilix 40 mg : 1 cp matin et soir",
     [("40 mg", "DOSA"), ("1 cp", "DOSA"), ("matin et soir", "FREQ")]),
    ("zopiclone 7,5 mg au coucher", [("7,5 mg", "DOSA"), ("au coucher", "FREQ")]),
    ("Ventoline 2 bouffées x 3/j", [("2 bouffées", "DOSA"), ("x 3/j", "FREQ")]),
    ("un demi-comprimé un jour sur deux",
     [("un demi-comprimé", "DOSA"), ("un jour sur deux", "FREQ")]),
    ("méthotrexate 15 mg une fois par semaine",
     [("15 mg", "DOSA"), ("une fois par semaine", "FREQ")]),
    ("pendant 10 jours", [("10 jours", "DURA")]),
    ("depuis 2 mois", [("2 mois", "DURA")]),
    ("évoluant depuis plusieurs semaines", [("plusieurs semaines", "DURA")]),
    ("il y a une dizaine de jours", [("une dizaine de jours", "DURA")]),
    ("ça fait deux ans et demi", [("deux ans et demi", "DURA")]),
    ("prednisone à forte dose", [("forte dose", "DOSA")]),
]  # fmt: skip

ENGLISH = [
    ("prednisone 60 mg daily for 2 weeks",
     [("60 mg", "DOSA"), ("daily", "FREQ"), ("2 weeks", "DURA")]),
    ("metoprolol 25 mg every other day",
     [("25 mg", "DOSA"), ("every other day", "FREQ")]),
    ("acyclovir 10 mg/kg q8h", [("10 mg/kg", "DOSA"), ("q8h", "FREQ")]),
    ("ibuprofen 400mg PRN", [("400mg", "DOSA"), ("PRN", "FREQ")]),
    ("a 3-month history of cough", [("3-month", "DURA")]),
    ("two puffs as needed", [("two puffs", "DOSA"), ("as needed", "FREQ")]),
    ("low-dose aspirin", [("low-dose", "DOSA")]),
    ("lasix , 40 milligrams a day", [("40 milligrams", "DOSA"), ("a day", "FREQ")]),
    ("two and a half years ago", [("two and a half years", "DURA")]),
    ("over the past 3 days", [("past 3 days", "DURA")]),
    ("1\u2009g twice daily", [("1\u2009g", "DOSA"), ("twice daily", "FREQ")]),
]  # fmt: skip

NOTHING = [
    ("es", "Varón de 67 años con dolor torácico"),
    ("es", "Mujer, 82 años de edad"),
    ("es", "Padre fallecido a los 67 años"),
    ("es", "lactante de 3 meses"),
    ("es", "gestante de 32 semanas"),
    ("es", "Hb 12 g/dL, leucocitos 8.300, PCR 12 mg/L, glucosa 180 mg/dl"),
    ("es", "TSH 3,2 µUI/ml, ferritina 45 ng/ml"),
    ("es", "TA 120/80 mmHg, FC 80 lpm, SatO2 97%"),
    ("es", "proteinuria de 3,5 g/24h"),
    ("es", "Peso al nacer 3.250 g"),
    ("en", "a newborn of 1,500 g"),
    ("es", "nódulo de 3 cm, FEVI 55%"),
    ("es", "Próxima cita el 12-10-2024 a las 10:30 h"),
    ("es", "Diuresis 1500 ml"),
    ("es", "actividades básicas de la vida diaria"),
    ("es", "EPOC crónica"),
    ("es", "filtrado glomerular 60 ml/min"),
    ("es", "un día me levanté"),
    ("fr", "Patient de 67 ans"),
    ("fr", "Mme B., 54 ans,"),
    ("fr", "décédé à 72 ans"),
    ("fr", "Hb 9,8 g/dL, créatinine 88 µmol/L, CRP 12 mg/L"),
    ("fr", "grossesse de 36 semaines d'aménorrhée"),
    ("fr", "rendez-vous le 6 mars à 11h24"),
    ("en", "A 67-year-old man"),
    ("en", "aged 45 years"),
    ("en", "hemoglobin 9.2 g/dL, creatinine 1.1 mg/dL, TSH 2 mIU/L"),
    ("en", "activities of daily living"),
    ("en", "kidney stones and celecoxib"),
    ("en", "low-dose CT of the chest"),
    ("en", "at 24 weeks' gestation"),
]


@pytest.mark.parametrize(("text", "expected"), SPANISH)
def test_spanish_expressions_are_found(text, expected):
    assert _found(text, "es") == expected


@pytest.mark.parametrize(("text", "expected"), FRENCH)
def test_french_expressions_are_found(text, expected):
    assert _found(text, "fr") == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_expressions_are_found(text, expected):
    assert _found(text, "en") == expected


@pytest.mark.parametrize(("language", "text"), NOTHING)
def test_levels_ages_and_dates_are_left_alone(language, text):
    assert _found(text, language) == []


def test_upper_case_and_missing_accents_are_no_obstacle():
    assert _found("AMOXICILINA 500 MG CADA 8 HORAS DURANTE SIETE DIAS", "es") == [
        ("500 MG", "DOSA"),
        ("CADA 8 HORAS", "FREQ"),
        ("SIETE DIAS", "DURA"),
    ]


def test_spans_do_not_run_over_a_line_end():
    assert _found("cama 500\nmg", "es") == []


def test_labels_limits_what_is_returned_not_what_wins():
    text = "ibuprofeno 600 mg cada 8 horas"
    assert find_pattern_spans(text, "es", labels=["DURATION"]) == ()


def test_unknown_language_is_refused():
    with pytest.raises(ValueError, match="no patterns for language 'eu'"):
        find_pattern_spans("2 mg", "eu")


def test_unknown_label_is_refused():
    with pytest.raises(ValueError, match="FINDING"):
        find_pattern_spans("2 mg", "es", labels=["FINDING"])


@given(st.text(max_size=200))
def test_folding_keeps_the_length(text):
    assert len(fold(text)) == len(text)


_FRAGMENTS = st.sampled_from(
    ["1 g", "c/8h", "durante", " ", "\n", "7 días", "cada", "½", "(", ".", "los",
     "3", "años", "mg/kg", "toutes les", "heures", "for", "a", "day", "10%", "–",
     "1,000.5 g", "0,125 g", "1.2.3 g", "4 10 g"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_FRAGMENTS, max_size=25), st.sampled_from(PATTERN_LANGUAGES))
def test_spans_are_sorted_apart_trimmed_and_inside(fragments, language):
    text = " ".join(fragments)
    spans = find_pattern_spans(text, language)
    assert list(spans) == sorted(spans)
    for left, right in itertools.pairwise(spans):
        assert left.end_char <= right.start_char
    for span in spans:
        mention = span.mention(text)
        assert mention == mention.strip() != ""
        assert "\n" not in mention
        assert span.label in PATTERN_LABELS
