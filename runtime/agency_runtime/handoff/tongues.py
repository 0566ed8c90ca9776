"""Results told in other languages than the one whose words the other tables know."""

import re

FOREIGN = re.compile(
    r"[\u0400-\u04ff\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
    r"|\b(?:der|die|das|und|wurden?|alle|mit|nicht|werden|les|des|est|ont|été|avec|toutes?|tous|las|los|del|fue|fueron|todos|todas"
    r"|para|los|il|gli|della|sono|tutti|stato|foram|todos|uma|foi|het|een|zijn|alle|zostały|wszystkie|jest|al\s(?:mes|año)|bestanden|gespart)\b",
    re.IGNORECASE,
)
"""Scripts and small words by which a sentence is known not to be English."""

SUCCEEDED = re.compile(
    r"erfolgreich|bestanden|ausgerollt|ausgeliefert|bereitgestellt|eingespart|gespart|fehlerfrei|réussi|succès|déployée?s?|économis|passent\b"
    r"|exitos|éxito|desplegad|pasaron|ahorr|bem-sucedid|sucesso|implantad|passaram|riuscit|superat|distribuit|risparmi|geslaagd|uitgerold"
    r"|zakończon|wdrożon|успешн|развёрнут|развернут|пройден|合格|成功|済み|通过|通過|已部署|部署完成|성공|통과|배포됨|نجاح|نجح",
    re.IGNORECASE,
)
"""Stems by which the more widespread languages say that something succeeded, was deployed or was saved."""
