"""Tables of opioid factors, read and checked: see `core.mme`."""

from collections.abc import Iterator

from prom_server.core.mme import FactorTable, Opioid
from prom_server.definitions.document import Document, Finding
from prom_server.definitions.files import check_name
from prom_server.definitions.schema import shaped
from prom_server.definitions.schema.opioid_factors import OpioidFactorsShape


def factors_of(document: Document) -> FactorTable:
    """Raises `DefinitionError` with file and line of everything wrong."""
    data = shaped(document, OpioidFactorsShape)
    table = FactorTable(id=data.pop("opioid_factors"), content_hash=document.content_hash, **data)
    check_name(document, table.id, table.revision)
    if findings := [*_findings(table.opioids)]:
        raise document.error(findings)
    return table


def _findings(opioids: tuple[Opioid, ...]) -> Iterator[Finding]:
    seen: set[str] = set()
    for n, each in enumerate(opioids):
        if each.drug in seen:
            yield Finding(("opioids", n, "drug"), f"{each.drug} is there already")
        if each.factor <= 0:
            yield Finding(("opioids", n, "factor"), "is not above 0")
        seen.add(each.drug)
