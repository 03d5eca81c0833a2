"""Attributes that the words around a mention tell, in three languages.

The mention of each sentence stands in double square brackets.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_engine.text.context_rules import ATTRIBUTES, guess_attributes
from tests.ner_engine.strategies import clinical_text

N, H, F, P = "negated", "hypothetical", "family", "historical"

SPANISH = [
    ("Paciente con [[fiebre]] de tres días.", set()),
    ("Niega [[fiebre]].", {N}),
    ("Niega fiebre, tos o [[disnea]].", {N}),
    ("No refiere [[dolor torácico]].", {N}),
    ("No presenta fiebre ni [[escalofríos]].", {N}),
    ("No alergias, no [[asma]].", {N}),
    ("Sin evidencia de [[metástasis]] hepáticas.", {N}),
    ("SIN [[FIEBRE]] NI VÓMITOS", {N}),
    ("Ausencia de [[soplos]].", {N}),
    ("Nunca ha tenido [[convulsiones]].", {N}),
    ("Tampoco tiene [[náuseas]].", {N}),
    ("Serología de [[VIH]] negativa.", {N}),
    ("Serología: [[VIH]] y VHC negativos.", {N}),
    ("Refiere [[tos]] productiva y un cultivo negativo.", set()),
    ("Pacientes no respondedores con [[fiebre]].", set()),
    ("No hubo cambios significativos en la [[glucosa]].", set()),
    ("[[Fiebre]]: no. Tos: sí.", {N}),
    ("Fiebre: no. [[Tos]]: sí.", set()),
    ("[[fiebre]] (-), tos (+)", {N}),
    ("fiebre (-), [[tos]] (+)", set()),
    ("Tos no, [[fiebre]] sí.", set()),
    ("[[Tos]] no, fiebre sí.", {N}),
    ("Sin fiebre, pero con [[tos]] productiva.", set()),
    ("No fiebre. [[Tos]] desde ayer.", set()),
    ("Niega alergias y toma [[enalapril]] cada día.", set()),
    ("No se descarta [[neumonía]].", {H}),
    ("No se puede descartar [[tromboembolismo]].", {H}),
    ("Se descarta [[fractura]].", {N}),
    ("[[Fractura]] descartada por radiografía.", {N}),
    ("Sin cambios en la [[disnea]].", set()),
    ("No sólo tiene [[asma]], también rinitis.", set()),
    ("No cede con [[paracetamol]].", set()),
    ("No mejora con [[ibuprofeno]] 600 mg.", set()),
    ("Sin embargo, la [[tos]] continúa.", set()),
    ("Si [[fiebre]], acuda a urgencias.", {H}),
    ("Sí, [[fiebre]] ayer.", set()),
    ("En caso de [[dolor]], paracetamol.", {H}),
    ("Sospecha clínica de [[apendicitis]].", {H}),
    ("TAC para descartar [[hemorragia]].", {H}),
    ("Probable [[neumonía]] derecha.", {H}),
    ("Riesgo de [[caídas]].", {H}),
    ("Padre con [[infarto]] a los 50 años.", {F}),
    ("Antecedentes familiares: madre con [[cáncer de mama]].", {F}),
    ("AF: padre HTA; madre con [[diabetes]].", {F}),
    ("[[Diabetes]] en su madre y dos tíos.", {F}),
    ("La madre refiere [[fiebre]] de 39.", set()),
    ("La madre niega [[vómitos]].", {N}),
    ("Acompañada por su hija, consulta por [[mareo]].", set()),
    ("Sin antecedentes familiares de [[glaucoma]].", {N, F}),
    ("Antecedentes de [[hipertensión]] y dislipemia.", {P}),
    ("AP: HTA, [[DM2]], asma.", {P}),
    ("Historia de 3 días de [[tos]].", set()),
    ("[[Apendicectomía]] hace 20 años.", {P}),
    ("[[Tos]] desde hace dos meses.", set()),
    ("Tuvo [[hepatitis]] en la infancia.", {P}),
    ("Antecedentes de asma, actualmente en tratamiento con [[salbutamol]].", set()),
    ("¿[[Fuma]] usted? — No.", {N}),
    ("¿[[Fuma]] usted? — Sí, diez al día.", set()),
    ("Médico: ¿Tiene [[alergias]]?\nPaciente: No, ninguna.", {N}),
    ("Médico: ¿No tiene [[fiebre]]?\nPaciente: Sí, desde ayer.", set()),
    ("Médico: ¿Tiene [[asma]]?\nPaciente: No lo sé.", set()),
    ("Médico: ¿[[Mareos]]? ¿Vómitos?\nPaciente: Nada de eso.", {N}),
    ("Médico: ¿Y la [[tos]]?\nPaciente: No, doctor, ya no tengo.", {N}),
    ("Madre: Tiene [[fiebre]].\nMédico: ¿Desde cuándo?", set()),
    ("¿[[Neumonía]]?", {H}),
    (
        "Ingresado ayer a cargo de la medicina interna, hoy no presenta\n[[fiebre]].",
        {N},
    ),
]

FRENCH = [
    ("Patient avec [[fièvre]] depuis trois jours.", set()),
    ("Pas de [[fièvre]].", {N}),
    ("Pas d'[[allergie]] connue.", {N}),
    ("Absence d’[[œdème]] des membres inférieurs.", {N}),
    ("Aucune [[douleur]] thoracique.", {N}),
    ("Ne présente pas de [[toux]].", {N}),
    ("Il n'a jamais eu de [[convulsions]].", {N}),
    ("Sans [[fièvre]] ni frissons.", {N}),
    ("Ni [[nausées]] ni vomissements.", {N}),
    ("Nie toute [[consommation d'alcool]].", {N}),
    ("ECBU : [[Escherichia coli]] non retrouvé.", {N}),
    ("[[Fièvre]] : non.", {N}),
    ("Pas de fièvre mais [[toux]] grasse.", set()),
    ("Pas seulement une [[toux]].", set()),
    ("Sans doute une [[bronchite]].", set()),
    ("Pas de changement de la [[dyspnée]].", set()),
    ("N'exclut pas une [[fracture]].", {H}),
    ("[[Embolie]] éliminée par scanner.", {N}),
    ("Scanner pour éliminer une [[embolie]].", {H}),
    ("Suspicion de [[pneumopathie]].", {H}),
    ("En cas de [[fièvre]], reconsulter.", {H}),
    ("S'il a de la [[fièvre]], appelez.", {H}),
    ("Risque d'[[hémorragie]].", {H}),
    ("Père décédé d'un [[infarctus]].", {F}),
    ("Antécédents familiaux : [[diabète]] chez la mère.", {F}),
    ("[[Cancer du sein]] chez sa tante.", {F}),
    ("La mère rapporte une [[fièvre]] à 39.", set()),
    ("Accompagné par sa femme, [[vertiges]] ce matin.", set()),
    ("Antécédents : HTA, [[asthme]].", {P}),
    ("ATCD d'[[ulcère gastrique]].", {P}),
    ("[[Appendicectomie]] il y a 20 ans.", {P}),
    ("[[Toux]] depuis deux mois.", set()),
    ("Histoire de la maladie : [[douleur]] abdominale.", set()),
    ("Médecin : Des [[allergies]] ?\nPatiente : Non, aucune.", {N}),
    ("Médecin : Vous avez de l'[[asthme]] ?\nPatiente : Oui.", set()),
    ("Vous [[fumez]] ? — Non.", {N}),
    ("Médecin : Pas de [[fièvre]] ?\nPatient : Si, un peu.", set()),
    ("Médecin : Une [[toux]] ?\nPatient : Je ne sais pas.", set()),
]

ENGLISH = [
    ("Patient with [[fever]] for three days.", set()),
    ("Denies [[chest pain]].", {N}),
    ("No fever, chills, or [[cough]].", {N}),
    ("No evidence of [[metastasis]].", {N}),
    ("The patient does not have [[diabetes]].", {N}),
    ("I don't have any [[pain]].", {N}),
    ("Never had a [[seizure]].", {N}),
    ("[[Pneumonia]] was ruled out.", {N}),
    ("[[Fracture]] not seen.", {N}),
    ("No fever but [[cough]] at night.", set()),
    ("No change in the [[cough]].", set()),
    ("Not only [[asthma]] but also eczema.", set()),
    ("[[Embolism]] cannot be ruled out.", {H}),
    ("Rule out [[embolism]].", {H}),
    ("Return if [[fever]] develops.", {H}),
    ("Concern for [[sepsis]].", {H}),
    ("Father had a [[stroke]] at sixty.", {F}),
    ("Family history of [[breast cancer]].", {F}),
    ("[[Diabetes]] in her mother.", {F}),
    ("Mother reports [[vomiting]] since noon.", set()),
    ("History of [[asthma]].", {P}),
    ("3-day history of [[cough]].", set()),
    ("PMH: [[hypertension]], gout.", {P}),
    ("[[Appendectomy]] ten years ago.", {P}),
    ("History of present illness: [[headache]].", set()),
    ("Doctor: Any [[nosebleeds]]?\nPatient: No.", {N}),
    ("Doctor: Any [[falls]]?\nMr Boyd: Not at all.", {N}),
    ("Doctor: Is there any [[dizziness]]?\nPatient: Yes, most mornings.", set()),
    ("Doctor: Do you take [[aspirin]]?\nPatient: I don't remember.", set()),
    ("[Doctor] Any [[cough]]?\n[Patient] Nope.", {N}),
]

CASES = [
    (language, sentence, expected)
    for language, cases in (("es", SPANISH), ("fr", FRENCH), ("en", ENGLISH))
    for sentence, expected in cases
]


def place(sentence: str) -> tuple[str, int, int]:
    """Take the brackets out and return where the mention lies."""
    before, _, rest = sentence.partition("[[")
    mention, _, behind = rest.partition("]]")
    return before + mention + behind, len(before), len(before) + len(mention)


@pytest.mark.parametrize(("language", "sentence", "expected"), CASES)
def test_guess_attributes_reads_the_words_around(language, sentence, expected):
    text, start_char, end_char = place(sentence)
    assert guess_attributes(text, start_char, end_char, language) == expected


def test_guess_attributes_a_region_is_ignored():
    assert guess_attributes("Niega fiebre.", 6, 12, "es-MX") == {N}


def test_guess_attributes_another_language_proposes_nothing():
    assert guess_attributes("Kein Fieber.", 5, 11, "de") == set()


def test_guess_attributes_decomposed_accents_read_like_composed_ones():
    text = "Ningu\u0301n dolor."
    assert guess_attributes(text, 8, 13, "es") == {N}


def test_guess_attributes_crlf_ends_a_line():
    text = "Niega fiebre\r\nTos\r\n"
    assert guess_attributes(text, 14, 17, "es") == set()


@pytest.mark.parametrize("place", [(3, 3), (-1, 2), (0, 99)])
def test_guess_attributes_refuses_a_range_outside_the_text(place):
    with pytest.raises(ValueError, match="no range"):
        guess_attributes("fiebre", *place, "es")


@given(clinical_text, st.sampled_from(["es", "fr", "en"]), st.data())
def test_guess_attributes_any_text_gives_known_attributes(text, language, data):
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert guess_attributes(text, start, end, language) <= set(ATTRIBUTES)


def test_guess_attributes_is_as_quick_in_a_long_note():
    text = "Sin cambios. " * 50_000 + "Niega fiebre. " + "Tos. " * 50_000
    start = text.index("fiebre")
    for _ in range(200):
        assert guess_attributes(text, start, start + 6, "es") == {N}


@pytest.mark.corpora
@pytest.mark.parametrize("language", ["es", "fr", "en"])
def test_guess_attributes_finds_the_negated_events_of_e3c(language):
    """Polarity of real case reports: three of four right, against wrong and missed."""
    corpora = os.environ.get("GLOSA_CORPORA", "")
    files = sorted(
        Path(corpora, "../formats/uima-e3c").glob(f"{language.upper()}*.xml")
    )
    if not corpora or not files:
        pytest.skip("GLOSA_CORPORA has no folder of formats beside it")
    right = wrong = missed = 0
    for file in files:
        items = ET.fromstring(file.read_bytes())  # noqa: S314 - a corpus
        text = next(i for i in items if i.tag.endswith("Sofa")).attrib["sofaString"]
        for event in (i for i in items if i.tag.endswith("}EVENT")):
            start, end = int(event.attrib["begin"]), int(event.attrib["end"])
            found = N in guess_attributes(text, start, end, language)
            told = event.get("polarity") == "NEG"
            right += found and told
            wrong += found and not told
            missed += told and not found
    assert right >= 3 * (wrong + missed), (right, wrong, missed)
