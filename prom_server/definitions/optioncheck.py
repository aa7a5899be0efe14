"""What the lists of response options must satisfy: a label that means another number is the worst slip of all."""

from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise

from prom_server.core.instrument import Instrument, Option
from prom_server.definitions.document import Finding

Options = tuple[Option, ...]


def option_findings(instrument: Instrument) -> Iterator[Finding]:
    """Of each list, and of the lists beside one another."""
    lists = {item.option_list: item.options for item in instrument.items}
    for name, options in lists.items():
        yield from _order(name, options)
        yield from _labels(name, options)
    yield from _mirrors(lists)


def _order(name: str, options: Options) -> Iterator[Finding]:
    values = [option.value for option in options]
    rising = values[1] > values[0]
    for place, (before, after) in enumerate(pairwise(values), 1):
        if before == after or (after > before) is not rising:
            yield Finding(("options", name, place), f"the values neither rise nor fall: {after} after {before}")


def _labels(name: str, options: Options) -> Iterator[Finding]:
    for place, option in enumerate(options):
        if any(option.label.casefold() == other.label.casefold() for other in options[:place]):
            yield Finding(("options", name, place), f"two options read the same: {option.label}")


def _mirrors(lists: Mapping[str, Options]) -> Iterator[Finding]:
    """The same labels have the same values everywhere, or, for the items that are reversed, exactly mirrored ones."""
    for (name, options), (other_name, other) in combinations(lists.items(), 2):
        values = {option.label: option.value for option in options}
        others = {option.label: option.value for option in other}
        if values.keys() != others.keys():
            continue
        ends = min(values.values()) + max(values.values())
        mirrored = {label: ends - value for label, value in values.items()}
        if others not in (values, mirrored):
            yield Finding(
                ("options", other_name), f"neither the values of {name}, which has the same labels, nor mirrored"
            )
