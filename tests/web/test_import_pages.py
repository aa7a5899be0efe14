"""A file of patients, as the desk brings it in."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from prom_server.core.import_file import MOST_BYTES
from prom_server.store.database import Database
from prom_server.store.imports import ImportRow
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")

MULTIPART = "multipart/form-data; boundary=limit"
HEADING = "record_number,given_name,family_name,birth_date\n"


@pytest.fixture
def desk(app: Flask, database: Database, team: Cast) -> FlaskClient:
    """Cora's browser: each answer as it is, no redirect followed."""
    app.config["WTF_CSRF_ENABLED"] = False
    return signed_in(app, database, team.cora).client


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def send(desk: FlaskClient, data: bytes):
    return desk.post("/patients/import", data=body(data), content_type=MULTIPART)


def body(data: bytes, token: str = "") -> bytes:
    """As a browser sends it. (The test client keeps a large file open.)"""
    parts = (
        (b'name="csrf_token"', token.encode()),
        (b'name="file"; filename="patients.csv"\r\nContent-Type: text/csv', data),
    )
    sent = [b"--limit\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + of + b"\r\n" for head, of in parts]
    return b"".join(sent) + b"--limit--\r\n"


def test_the_template_is_a_file_that_can_be_filled_in(desk: FlaskClient) -> None:
    assert "Import from a file" in desk.get("/patients").text
    template = desk.get("/patients/import/template")
    assert template.headers["Content-Disposition"].endswith('"patients.csv"')
    cells = ",".join(
        {"record_number": "N-1", "given_name": "Rosa", "family_name": "P", "birth_date": "1960-01-02"}.values()
    )
    assert send(desk, template.data + cells.encode()).status_code == 303


def test_a_file_is_looked_at_chosen_from_and_imported_once(desk: FlaskClient, database: Database, team: Cast) -> None:
    lines = "N-1,Rosa,Placeholder,1960-01-02\nN-2,Alise,Specimen,1968-03-12\nN-3,Theo,,soon\n"
    path = send(desk, (HEADING + lines).encode()).location
    page = words(desk.get(path).text)
    assert "1 line would add a patient, 0 update one, 1 cannot be used" in page
    assert "Family name It is empty. Date of birth It is not a date" in page
    assert "Import 1 patient" in page
    assert people.count(database, Patient, Patient.record_number.like("N-%")) == 0
    answer = desk.post(path, data={"line-3": "add"})  # a choice that was not kept yet: shown first
    assert answer.location == path
    page = words(desk.get(path).text)
    assert "Your choices are kept" in page
    assert "Import 2 patients" in page
    answer = desk.post(path, data={"line-3": "add"})
    assert "2 patients were added, 0 updated, 1 line left out." in words(desk.get(answer.location).text)
    assert people.count(database, Patient, Patient.record_number.like("N-%")) == 2
    for again in (desk.post(path, data={"line-3": "add"}), desk.get(path)):
        assert again.status_code == 303
    assert "imported or discarded already" in desk.get("/patients/import").text
    assert people.count(database, Patient, Patient.record_number.like("N-%")) == 2


def test_what_changed_meanwhile_stops_it_and_names_the_line(desk: FlaskClient, database: Database, team: Cast) -> None:
    path = send(desk, (HEADING + "N-1,Rosa,Placeholder,1960-01-02\nN-2,Theo,Madeup,1961-01-02\n").encode()).location
    desk.get(path)
    with database.writing() as session:
        people.patient(session, team.cora, "Some", "Body", number="N-2")
    desk.post(path)
    page = words(desk.get(path).text)
    assert "Nothing was imported Line 3 is no longer what was shown" in page
    assert people.count(database, Patient, Patient.record_number == "N-1") == 0
    assert "Nothing was imported" not in desk.get(path).text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "There is no line with a patient in it."),
        (b"PK\x03\x04", "This is the document of a spreadsheet program."),
        (HEADING.encode() + "N-1,José,B,1960-01-02".encode("latin-1"), "The file is not in UTF-8."),
        (
            HEADING.encode() + b'N-1,"Rosa,B,1960-01-02',
            "In the row that begins on line 2 a quotation mark does not end",
        ),
        (b"record_number,given_name\nN-1,Rosa", "Missing are: family_name, birth_date."),
        (HEADING.encode() + b" " * MOST_BYTES, "The file is too large: at most 2,000 lines and 1 MB."),
        (HEADING.encode() + b"N\n" * 2001, "The file is too large: at most 2,000 lines and 1 MB."),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_clear_sentence(desk: FlaskClient, data: bytes, sentence: str) -> None:
    page = send(desk, data)
    assert page.status_code == 422
    assert sentence in words(page.text)


def test_no_file_and_a_huge_one(desk: FlaskClient) -> None:
    assert "Please choose a file." in desk.post("/patients/import", data={}).text
    huge = desk.post("/patients/import", data=b" " * (2 * MOST_BYTES), content_type=MULTIPART)
    assert huge.status_code == 413
    assert desk.post("/patients", data={"q": "x" * 300_000}).status_code == 413  # every other limit stays


def test_with_the_form_s_own_token_a_large_file_is_read(app: Flask, database: Database, team: Cast) -> None:
    """The token is looked for before any view runs, and must not meet the lower limit."""
    cora = signed_in(app, database, team.cora)
    token = cora.get("/patients/import").page.forms[-1].fields["csrf_token"]
    data = HEADING.encode() + b"N-1,Rosa,B,1960-01-02\n" + b",,,\n" * 100_000
    answer = cora.client.post("/patients/import", data=body(data, token), content_type=MULTIPART)
    assert answer.status_code == 303


def test_a_file_is_discarded(desk: FlaskClient, database: Database, team: Cast) -> None:
    path = send(desk, (HEADING + "N-1,Rosa,Placeholder,1960-01-02\n").encode()).location
    assert desk.post(f"{path}/discard").status_code == 303
    assert people.count(database, ImportRow) == 0
    assert "Nothing changed" in desk.get("/patients/import").text
