"""Results told in other languages than the one whose words the other tables know."""

import re

SCRIPT = re.compile(r"[\u0400-\u04ff\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
MARK = re.compile(
    r"\b(?:der|die|das|und|wurden?|alle|mit|nicht|werden|les|des|est|ont|avec|toutes?|tous|las|los|del|fue|fueron|todos|todas|para|il|gli"
    r"|della|sono|tutti|stato|foram|uma|foi|het|een|zijn|jest|al\smes|bestanden|gespart|mensuales)\b",
    re.IGNORECASE,
)
LETTERS = re.compile(r"\w*[áéíóúñäöüßçãõêàèùœąęłśż]\w*", re.IGNORECASE)
"""Small words, by two of which, or by one and such letters, a sentence is known not to be English: `die` may be English,
and a city's name is no language."""


def foreign(sentence: str) -> bool:
    """Whether a sentence is in another language than the tables know."""
    small = MARK.findall(sentence)
    return SCRIPT.search(sentence) is not None or len(small) > 1 or bool(small and LETTERS.search(sentence))


SUCCEEDED = re.compile(
    r"erfolgreich|bestanden|ausgerollt|ausgeliefert|bereitgestellt|eingespart|gespart|fehlerfrei|réussi|succès|déployée?s?|économis|passent\b"
    r"|exitos|éxito|desplegad|pasaron|ahorr|bem-sucedid|sucesso|implantad|passaram|riuscit|superat|distribuit|risparmi|geslaagd|uitgerold"
    r"|zakończon|wdrożon|успешн|развёрнут|развернут|пройден|合格|成功|済み|通过|通過|已部署|部署完成|성공|통과|배포됨|نجاح|نجح",
    re.IGNORECASE,
)
"""Stems by which the more widespread languages say that something succeeded, was deployed or was saved."""
