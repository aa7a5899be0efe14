"""A visit in a browser without scripts, and everything that can go wrong on it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select, update

from prom_server.services import invitations
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Assessment, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import NOON, TYPED_DATE, Invited

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def phone(database: Database, tmp_path: Path, alice: Invited) -> Browser:
    return Browser(application(database, tmp_path))


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_whole_visit(phone: Browser, alice: Invited, database: Database) -> None:
    phone.open_link(alice.token)
    assert phone.path == "/answer"
    assert "About 3 minutes, 16 questions in 2 parts" in phone.page.text
    phone.submit()
    assert phone.path == "/answer/1/1"
    assert "Feelings · 1 of 9" in phone.page.text
    phone.answer_until_review(1)
    assert "Every question of this part is answered" in phone.page.text
    phone.submit()
    assert phone.path == "/answer/2/1"
    phone.answer_until_review(0).submit()
    assert phone.path == "/answer/thanks"
    with database.reading() as session:
        values = session.scalars(select(RecordedScore.value).order_by(RecordedScore.id)).all()
        assert values == [9, 0]
        assert session.scalars(select(Assessment.completed_at).where(Assessment.started_at.is_not(None))).one() == NOON


def test_a_patient_never_sees_a_score(phone: Browser, alice: Invited) -> None:
    seen = []
    phone.begin(alice.token)
    while phone.path != "/answer/thanks":
        phone.answer(2) if re.fullmatch(r"/answer/\d/\d+", phone.path) else (
            phone.get(phone.page.links[-1]) if phone.path.endswith("help") else phone.submit()
        )
        seen.append(phone.page.text)
    for words in ("moderate", "severe", "mild", "18", "screening", "score"):
        assert not [text for text in seen if re.search(rf"\b{words}\b", text)], words


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_uses_nothing_up(phone: Browser, alice: Invited, method: str) -> None:
    for _ in range(3):
        assert getattr(phone.client, method)(f"/a/{alice.token}").status_code == 200
    assert phone.open_link(alice.token).path == "/answer"


def test_after_the_birth_date_the_address_holds_no_token(phone: Browser, alice: Invited) -> None:
    assert alice.token not in phone.begin(alice.token).path
    assert alice.token not in phone.response.text


@pytest.mark.parametrize("typed", [{"month": "13"}, {"day": ""}, {"year": "abcd"}, {"day": "30", "month": "2"}])
def test_a_date_that_is_none_is_not_counted_and_stays_typed(
    phone: Browser, alice: Invited, database: Database, typed: dict[str, str]
) -> None:
    phone.get(f"/a/{alice.token}").submit(**{**TYPED_DATE, **typed})
    assert phone.status == 422
    assert "not a full date" in phone.page.text
    assert {**phone.page.form.fields, **typed} == phone.page.form.fields
    with database.reading() as session:
        assert session.scalars(select(Patient.wrong_birth_dates)).one() == 0


def test_a_wrong_date_says_how_many_tries_are_left_and_the_fifth_locks(phone: Browser, alice: Invited) -> None:
    for left in (4, 3, 2, 1):
        phone.get(f"/a/{alice.token}").submit(**{**TYPED_DATE, "day": "13"})
        assert phone.status == 422
        assert f"{left} more time" in phone.page.text
    phone.get(f"/a/{alice.token}").submit(**{**TYPED_DATE, "day": "13"})
    assert "now locked" in phone.page.text
    phone.get(f"/a/{alice.token}").submit(**TYPED_DATE)
    assert phone.status == 403
    assert "(303) 555-0142" in phone.page.text


def test_an_unknown_link_is_a_plain_page(phone: Browser) -> None:
    assert phone.get("/a/nothing").status == 404
    assert "We do not know this link" in phone.page.text


def test_a_superseded_link_says_so_kindly(
    phone: Browser, alice: Invited, database: Database, noon: "time_machine.Traveller"
) -> None:
    with database.writing() as session:
        by = clinic.member(session, session.get_one(clinic.Clinic, 1), name="Cleo Example")
        invitations.issue(session, alice.assessment, by=by, at=NOON)
    assert phone.get(f"/a/{alice.token}").status == 200  # it leads on: see test_links
    noon.shift(timedelta(days=31))
    assert phone.get(f"/a/{alice.token}").status == 410
    assert "newer link" in phone.page.text


def test_a_closed_and_a_completed_link_say_whom_to_call(
    phone: Browser, alice: Invited, noon: "time_machine.Traveller"
) -> None:
    phone.begin(alice.token).answer_until_review(0).submit().answer_until_review(0).submit()
    assert phone.get(f"/a/{alice.token}").status == 410
    assert "questions are answered" in phone.page.text


def test_a_link_whose_time_is_over(phone: Browser, alice: Invited, noon: "time_machine.Traveller") -> None:
    noon.move_to(NOON + timedelta(days=32))
    assert phone.get(f"/a/{alice.token}").status == 410
    assert "questions are closed" in phone.page.text
    assert "(303) 555-0142" in phone.page.text


def test_next_without_a_choice_asks_for_one(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token).submit()
    assert phone.status == 422
    assert "Please choose an answer" in phone.page.text
    assert count(database, Response) == 0


def test_our_script_looks_ahead_without_the_head_and_the_foot_of_the_page(phone: Browser, alice: Invited) -> None:
    whole = phone.begin(alice.token).response.text
    only = phone.client.get(phone.path, headers={"X-Only": "main"}).text
    assert only.startswith('<main class="page')
    assert only.rstrip().endswith("</main>")
    assert "data-step" in only
    assert 2 * len(only) < len(whole)


def test_nothing_is_chosen_before_the_patient_chooses(phone: Browser, alice: Invited) -> None:
    assert "value" not in phone.begin(alice.token).page.form.fields


def test_skipping_asks_once_and_shows_on_the_review(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token).submit(go="skip")
    assert phone.path == "/answer/1/1/skip"
    assert count(database, Response) == 0
    phone.submit(go="skip-confirmed")
    assert phone.path == "/answer/1/2"
    phone.answer_until_review(0)
    assert "One answer is missing" in phone.page.text
    assert "an estimate from your other answers" in phone.page.text


def test_back_shows_the_stored_answer_and_next_leads_on(phone: Browser, alice: Invited) -> None:
    phone.begin(alice.token).answer(3)
    phone.get("/answer/1/1")
    assert phone.page.form.fields["value"] == "3"
    assert phone.answer(2).path == "/answer/1/2"


def test_closing_the_page_and_coming_back_leads_to_the_same_place(phone: Browser, alice: Invited) -> None:
    phone.begin(alice.token).answer(1).answer(1)
    again = Browser(phone.client.application).open_link(alice.token)
    assert "go on where you stopped" in again.page.text
    assert again.submit().path == "/answer/1/3"


def test_item_9_shows_the_help_page_at_once_and_keeps_the_alert(
    phone: Browser, alice: Invited, database: Database
) -> None:
    phone.begin(alice.token)
    for _ in range(8):
        phone.answer(0)
    phone.answer(1)
    assert phone.path == "/answer/1/9/help"
    assert "Call 988" in phone.page.text
    assert count(database, Alert) == 1
    phone.submit()
    assert "We will call you" in phone.page.text
    phone.get("/answer/1/9").answer(0)
    assert phone.path != "/answer/1/9/help"
    assert count(database, Alert) == 1


def test_help_is_not_there_for_other_items(phone: Browser, alice: Invited) -> None:
    assert phone.begin(alice.token).get("/answer/1/3/help").status == 404


def test_an_old_tab_shows_both_answers_and_asks(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token)
    old_tab = phone.page.form
    phone.answer(2)
    phone.submit(old_tab, value="1")
    assert phone.status == 409
    assert "Two different answers" in phone.page.text
    assert "More than half the days" in phone.page.text
    assert count(database, Response) == 1
    phone.answer(1)
    assert count(database, Response) == 2


def test_an_old_tab_of_item_9_alerts_before_anybody_chooses(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token).get("/answer/1/9")
    old_tab = phone.page.form
    phone.answer(0)
    assert phone.submit(old_tab, value="2").status == 409
    assert count(database, Alert) == 1


def test_a_skip_on_an_old_tab_is_asked_about_too(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token)
    old_tab = phone.page.form
    phone.answer(2)
    phone.submit(old_tab, go="skip").submit(go="skip-confirmed")
    assert phone.status == 409
    assert "Two different answers" in phone.page.text
    assert count(database, Response) == 1
    phone.submit(go="skip-confirmed")
    assert count(database, Response) == 2


@pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}])
def test_a_tab_of_one_patient_answers_nothing_in_the_questions_of_another(
    phone: Browser, alice: Invited, database: Database, headers: dict[str, str]
) -> None:
    """Two links in one browser. What is said leads back to the own link, never on to the other questions."""
    with database.writing() as session:
        other = clinic.invited(session, clinic.member(session, session.get_one(clinic.Clinic, 1), name="Cy"), number=2)
    old_tab = phone.begin(alice.token).page.form
    phone.begin(other.token)
    phone.post(old_tab.action, {**old_tab.fields, "value": "3"}, headers=headers)
    assert phone.status == 409
    assert count(database, Response) == 0
    if headers:
        assert phone.response.json == {"error": "another_visit"}
    else:
        assert "Other questions were opened in this browser" in phone.page.text
        assert phone.page.links == []


def test_a_tab_of_before_the_same_link_was_opened_again_asks_to_try_again(phone: Browser, alice: Invited) -> None:
    old_tab = phone.begin(alice.token).page.form
    phone.begin(alice.token)
    phone.post(old_tab.action, {**old_tab.fields, "value": "3"}, headers={"Accept": "application/json"})
    assert (phone.status, phone.response.json) == (400, {"error": "stale_form"})


def test_an_old_tab_after_the_submit_stores_nothing_and_goes_on(
    phone: Browser, alice: Invited, database: Database
) -> None:
    phone.begin(alice.token)
    old_tab = phone.page.form
    phone.answer_until_review(0).submit()
    stored = count(database, Response)
    phone.submit(old_tab, value="3")
    assert phone.status == 409
    assert "already sent" in phone.page.text
    assert count(database, Response) == stored


@pytest.mark.parametrize("value", ["4", "-1", "1.0", "true", "1 ", "", "١", "9" * 40])
def test_a_value_outside_the_options_is_refused(phone: Browser, alice: Invited, database: Database, value: str) -> None:
    phone.begin(alice.token).submit(value=value)
    assert phone.status == 422
    assert count(database, Response) == 0


@pytest.mark.parametrize("field", [{"item": "gad1"}, {"item": "nothing"}, {"sequence": "x"}])
def test_an_unknown_item_is_refused(phone: Browser, alice: Invited, database: Database, field: dict[str, str]) -> None:
    phone.begin(alice.token).submit(value="1", **field)
    assert phone.status == 422
    assert count(database, Response) == 0


def test_a_post_without_the_token_against_forgery_is_refused(
    phone: Browser, alice: Invited, database: Database
) -> None:
    phone.begin(alice.token).submit(value="1", csrf_token="")
    assert phone.status == 400
    assert count(database, Response) == 0


def test_an_oversized_body_is_refused(phone: Browser, alice: Invited) -> None:
    assert phone.begin(alice.token).submit(value="1", more="x" * 300_000).status == 413


def test_without_a_session_the_page_asks_for_the_link(phone: Browser) -> None:
    assert phone.get("/answer/1/1").status == 401
    assert "private link" in phone.page.text


def test_an_idle_session_asks_for_the_birth_date_and_loses_no_answer(
    phone: Browser, alice: Invited, database: Database, noon: "time_machine.Traveller"
) -> None:
    phone.begin(alice.token)
    noon.shift(timedelta(minutes=31))
    phone.answer(3)
    assert phone.status == 401
    assert count(database, Response) == 0
    phone.submit(**TYPED_DATE)
    assert phone.path == "/answer/1/2"
    assert count(database, Response) == 1


def test_a_tab_of_yesterday_asks_for_the_link(
    phone: Browser, alice: Invited, database: Database, noon: "time_machine.Traveller"
) -> None:
    phone.begin(alice.token)
    noon.shift(timedelta(hours=25))
    phone.answer(3)
    assert phone.status == 401
    assert "What you chose last is not saved. Your earlier answers are saved." in phone.page.text
    assert phone.get("/resume").status == 401
    assert "Open the link that the clinic sent you" in phone.page.text
    assert phone.page.links == []


def test_what_was_given_before_the_window_closed_is_stored_and_sends_nothing_else(
    phone: Browser, alice: Invited, database: Database, noon: "time_machine.Traveller"
) -> None:
    form = phone.begin(alice.token).answer(1).page.form
    with database.writing() as session:
        session.execute(update(Assessment).values(closed_at=NOON + timedelta(minutes=2)))
    noon.shift(timedelta(minutes=5))
    for delay, status in ((200, 200), (60, 409)):
        data = {**form.fields, "value": "3", "delay": str(delay), "item": "phq2" if delay > 100 else "phq3"}
        phone.post(form.action, data, headers={"Accept": "application/json"})
        assert phone.status == status
    assert count(database, Response) == 2
    token = form.fields["csrf_token"]
    phone.post("/answer/1/review", {"csrf_token": token, "delay": "200"})
    assert phone.status == 409


def test_a_window_that_closes_in_mid_walk_says_whom_to_call_and_keeps_what_was_answered(
    phone: Browser, alice: Invited, database: Database
) -> None:
    form = phone.begin(alice.token).answer(1).page.form
    with database.writing() as session:
        session.execute(update(Assessment).values(closed_at=NOON))
    for show in (lambda: phone.submit(form, value="3"), lambda: phone.get("/answer/1/2"), lambda: phone.get("/answer")):
        show()
        assert phone.status == 409
        assert "What you answered before is saved" in phone.page.text
        assert "(303) 555-0142" in phone.page.text
    phone.post(form.action, {**form.fields, "value": "3"}, headers={"Accept": "application/json"})
    assert (phone.status, phone.response.json) == (409, {"error": "refused"})
    assert count(database, Response) == 1


def test_leaving_ends_the_session_on_this_device(phone: Browser, alice: Invited) -> None:
    phone.begin(alice.token).answer_until_review(0).submit().answer_until_review(0).submit()
    phone.submit()
    assert "You can close this window" in phone.page.text
    assert phone.get("/answer").status == 401


def test_for_the_script_a_save_says_the_sequence_and_where_next_leads(phone: Browser, alice: Invited) -> None:
    form = phone.begin(alice.token).page.form
    phone.post(form.action, {**form.fields, "value": "1"}, headers={"Accept": "application/json"})
    assert phone.response.json == {"next": "/answer/1/2", "sequence": 1}


def test_every_page_with_a_person_in_it_is_not_stored_and_carries_the_policy(phone: Browser, alice: Invited) -> None:
    phone.begin(alice.token)
    headers = phone.response.headers
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_title_or_address_holds_a_person_or_an_instrument(phone: Browser, alice: Invited) -> None:
    phone.begin(alice.token)
    while phone.path != "/answer/thanks":
        title = re.search(r"<title>(.*?)</title>", phone.response.text)
        assert title is not None
        assert title.group(1) == "Your questions"
        assert re.fullmatch(r"/answer(/\d+/(\d+|review)(/help)?|/go-on)?", phone.path), phone.path
        if phone.path.endswith("help"):
            phone.get(phone.page.links[-1])
        elif phone.path.endswith("review"):
            phone.submit()
        else:
            phone.answer(1)


def test_an_error_page_leads_back_to_the_questions(phone: Browser, alice: Invited) -> None:
    assert phone.get("/nowhere").page.links == []  # nobody is identified
    phone.begin(alice.token).answer(1)
    assert phone.get("/nowhere").status == 404
    assert phone.get(phone.page.links[-1]).path == "/answer/1/2"


def test_what_a_patient_does_is_in_the_audit_trail(phone: Browser, alice: Invited, database: Database) -> None:
    phone.begin(alice.token).answer(1)
    with database.reading() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.actor == "patient").order_by(AuditEntry.id)
        )
        assert actions.all() == ["assessment.open", "assessment.start", "answer.save"]
