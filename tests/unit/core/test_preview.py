"""A preview carries its answers along: written, read, refused, and never more than a patient could give."""

import pytest

from prom_server.core import preview
from prom_server.core.refusals import InvalidAnswer
from prom_server.definitions.library import Library

PHQ = Library.shipped().get("phq-9")


def test_answers_survive_the_address() -> None:
    answers = {"phq1": 2, "phq2": None, "phq9": 0}
    assert preview.written(answers) == "phq1:2,phq2:-,phq9:0"
    assert preview.read(PHQ, preview.written(answers)) == answers
    assert preview.read(PHQ, "") == {}


@pytest.mark.parametrize(
    "text", ["phq1", "phq1:", "phq1:4", "phq1:-1", "phq1:1.0", "phq1:true", "phq10:1", ":1", ",", "phq1:1,", "phq1:²"]
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(InvalidAnswer):
        preview.read(PHQ, text)


def test_the_part_stands_as_a_patient_s_would() -> None:
    part = preview.part(PHQ, {"phq1": 0, "phq2": None})
    assert (part.place, part.answered, len(part.items), part.begun) == (3, 1, 9, False)
    assert len(preview.part(PHQ, {"phq1": 1}).items) == 10  # the last is asked only above zero
