"""Synthetic translations for tests: made-up words that are nobody's, in the place of an official Spanish text."""

from pathlib import Path

from prom_server.definitions.library import Library
from tests.unit.definitions.clinic_supplements import written


def translate(folder: Path, instrument_id: str, language: str = "es") -> Path:
    """A whole translation of one shipped instrument, written into a folder of supplements."""
    instrument = Library.shipped().get(instrument_id)
    stems = dict.fromkeys(item.context for item in instrument.items if item.context)
    lists = {item.option_list: item.options for item in instrument.items}
    lines = [
        f"supplement: {instrument_id}",
        f"revision: {instrument.revision}",
        f"language: {language}",
        "source: synthetic, for a test",
        "date: 2026-11-24",
        "entered_by: Bob",
        "sections:",
        *(f'  {section.id}: "Parte sintética {number}"' for number, section in enumerate(instrument.sections, 1)),
        *(["contexts:"] if stems else []),
        *(f'  "{stem}": "Contexto sintético {number}"' for number, stem in enumerate(stems, 1)),
        "items:",
        *(f'  {item.id}: "Pregunta sintética {number}"' for number, item in enumerate(instrument.items, 1)),
        "options:",
    ]
    for name, options in lists.items():
        labels = ", ".join(f'{option.value}: "Opción {option.value}"' for option in options)
        lines.append(f"  {name}: {{{labels}}}")
    return written(folder, f"{instrument_id}.{language}.yaml", "\n".join([*lines, ""]))
