"""Words that a mention rarely starts or ends with: articles, prepositions and the like.

Written for this project; short on purpose. Negations are not in it: they belong to the
clinical meaning.
"""

from __future__ import annotations

_WORDS = {
    "en": (
        "a an the of in on at to for from with by and or as into onto upon about over"
        " under after before during between among through per via than that this these"
        " those which who whose its his her their your our my is are was were be been"
        " being has have had can may should will would it he she they you we i if when"
        " where while both such also"
    ),
    "es": (
        "un una unos unas el la los las lo de del al a en con por para y e o u ni que"
        " como desde hasta entre sobre tras ante bajo contra durante mediante según si"
        " cuando donde cuyo cuya su sus se le les mi tu este esta estos estas ese esa"
        " dicho dicha dichos dichas es son era fue ser está están ha han había puede"
        " pueden debe también"
    ),
    "fr": (
        "un une des le la les l de du d au aux à en dans par pour sur sous avec et ou"
        " où que qu qui dont ce cet cette ces son sa ses leur leurs votre vos notre nos"
        " chez lors entre vers depuis pendant comme si est sont était être a ont avait"
        " peut peuvent doit il elle ils elles on vous nous se s n c j m t aussi"
    ),
}
FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split()) for language, words in _WORDS.items()
}


def is_function_word(word: str, language: str) -> bool:
    """Tell whether a word is one of them; False for languages without a list."""
    plain = word.casefold().strip("'’")
    return plain in FUNCTION_WORDS.get(language.partition("-")[0], frozenset())
