"""The administrator's pages: each saves its own part, keeps what was typed, and never saves over somebody else."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from prom_server.core.permissions import Role
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.pages import Form
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def ada(app: Flask, database: Database, team: Cast) -> Browser:
    return signed_in(app, database, team.ada)


def form(page: Browser, part: str) -> Form:
    """As the page offers it; of what is chosen from a list it knows nothing, so the first is chosen here."""
    found = next(each for each in page.page.forms if each.action.endswith(part))
    if part == "/settings/clinic":
        found.fields.setdefault("paper", "letter")
    return found


def clinic(database: Database, team: Cast) -> Clinic:
    with database.reading() as session:
        return session.get_one(Clinic, team.ada.clinic.id)


def test_every_page_is_reached_from_the_first(ada: Browser) -> None:
    paths = [each for each in ada.get("/settings").page.links if each.startswith("/settings/")]
    assert len(set(paths)) >= 9
    for path in set(paths):
        assert ada.get(path).status == 200, path
        assert "Alice" not in ada.page.text, path


def test_a_running_clinic_s_time_zone_changes_after_a_page_that_says_what_it_means(
    ada: Browser, database: Database, team: Cast
) -> None:
    ada.get("/settings/clinic").submit(form(ada, "/settings/clinic"), time_zone="Mars/Olympus", phone="(303) 555-0199")
    assert ada.status == 422
    assert form(ada, "/settings/clinic").fields["phone"] == "(303) 555-0199"  # what was typed stays
    ada.submit(form(ada, "/settings/clinic"), time_zone="Asia/Tokyo")
    assert "Tue 24 Nov 2026, 04:00" in ada.page.text
    assert clinic(database, team).time_zone == "America/Denver"
    ada.submit(form(ada, "/settings/clinic"))
    assert "The changes are saved." in ada.page.text
    assert (clinic(database, team).time_zone, clinic(database, team).phone) == ("Asia/Tokyo", "(303) 555-0199")


def test_two_administrators_on_one_page(ada: Browser, app: Flask, database: Database, team: Cast) -> None:
    other = signed_in(app, database, team.ada)
    for browser in (ada, other):
        browser.get("/settings/clinic")
    ada.submit(form(ada, "/settings/clinic"), phone="(303) 555-0101")
    other.submit(form(other, "/settings/clinic"), phone="(303) 555-0102", hours="mornings")
    assert other.status == 422
    assert "Somebody else saved this page meanwhile" in other.page.text
    assert "(303) 555-0101" in other.page.text  # theirs
    assert form(other, "/settings/clinic").fields["phone"] == "(303) 555-0102"  # and one's own
    assert clinic(database, team).hours == "weekdays 8 am to 5 pm"
    other.submit(form(other, "/settings/clinic"))
    assert (clinic(database, team).phone, clinic(database, team).hours) == ("(303) 555-0102", "mornings")


def test_opening_hours(ada: Browser) -> None:
    ada.get("/settings/hours")
    assert "Not recorded yet" in ada.page.text
    hours = form(ada, "/settings/hours")
    assert (hours.fields["opens_0_1"], hours.fields["closes_0_1"]) == ("08:00", "17:00")
    ada.submit(hours, opens_0_2="18:00")
    assert ada.status == 422
    assert "Monday, closes again" in ada.page.text
    ada.submit(form(ada, "/settings/hours"), opens_0_2="16:00", closes_0_2="19:00")
    assert "run into one another" in ada.page.text
    ada.submit(form(ada, "/settings/hours"), opens_0_2="18:00", closes_0_2="00:00")
    assert "Not recorded yet" not in ada.page.text
    assert form(ada, "/settings/hours").fields["closes_0_2"] == "00:00"
    ada.submit(form(ada, "/hours/closed"), on="2026-11-26", name="Thanksgiving")
    assert "Thu 26 Nov 2026" in ada.page.text
    ada.submit(form(ada, "/hours/closed"), on="2026-11-26", name="Again")
    assert "on the list already" in ada.page.text
    ada.submit(form(ada, "/hours/open"))
    assert "Thu 26 Nov 2026" not in ada.page.text


def test_messages_say_what_the_server_does_and_no_secret(database: Database, tmp_path, team: Cast) -> None:
    from tests.support.browsing import application

    secret = "hunter2-hunter2"
    app = application(
        database,
        tmp_path,
        MESSAGES="live",
        MESSAGES_HOST="another-machine",
        SMTP_URL=f"smtp://prom:{secret}@mail.example.org",
        MAIL_FROM="prom@example.org",
    )
    ada = signed_in(app, database, team.ada).get("/settings/messages")
    assert "mail.example.org" in ada.page.text
    assert "this is not the machine that may send" in ada.page.text
    assert secret not in ada.response.text
    ada.submit(form(ada, "/settings/messages"), sender_name="Harbour Pain Care")
    assert "would tell what the clinic treats" in ada.page.text
    ada.submit(form(ada, "/settings/messages"), sender_name="Harbour Street", reply_to="a@[b.org")
    assert "This is not an e-mail address" in ada.page.text
    ada.submit(form(ada, "/settings/messages"), reply_to="", reminders_at="21:00")
    assert "within the quiet hours" in ada.page.text
    ada.submit(form(ada, "/settings/messages"), reminders_at="08:30")
    assert (ada.status, clinic(database, team).reminders_at) == (200, "08:30")


def test_closed_hours_need_a_name(ada: Browser, database: Database, team: Cast) -> None:
    ada.get("/settings/alerts").submit(form(ada, "/settings/alerts"), alert_kiosk_minutes="0")
    assert ada.status == 422
    ada.submit(form(ada, "/settings/alerts"), alert_kiosk_minutes="10", closed_hours="next_opening")
    assert "name the person who accepts" in ada.page.text
    ada.submit(form(ada, "/settings/alerts"), closed_hours_person="Dr. Bob Example, medical director")
    row = clinic(database, team)
    assert (row.alert_kiosk_minutes, row.closed_hours, row.closed_hours_at) == (10, "next_opening", NOON)


def test_staff_are_added_changed_and_deactivated_after_a_second_page(
    ada: Browser, app: Flask, database: Database, team: Cast
) -> None:
    ada.get("/settings/staff")
    nina = {"staff-name": "Nina", "staff-email": "nina", "staff-role": "clinician"}
    assert ada.submit(form(ada, "/settings/staff"), **nina).status == 422
    assert ada.submit(form(ada, "/settings/staff"), **{**nina, "staff-email": "<n@example.org>"}).status == 422
    ada.submit(form(ada, "/settings/staff"), **{"staff-email": "n@example.org", "staff-role": "clinician"})
    link = re.search(r'value="http://[^/]+(/set-password/[^"]+)"', ada.response.text)[1]
    assert Browser(app).get(link).status == 200
    bob = f"/settings/staff/{team.bob.public_id}"
    ada.get(bob).submit(form(ada, bob), role="coordinator", alerts_by="sms")
    assert "Please give the number" in ada.page.text
    ada.submit(form(ada, bob), role="coordinator", mobile="303 555 0142")
    assert "by SMS" in ada.page.text
    with database.reading() as session:
        row = session.scalars(select(Staff).where(Staff.id == team.bob.id)).one()
        assert (row.role, row.alerts_by, row.mobile) == (Role.COORDINATOR, "sms", "+13035550142")
        detail = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "staff.change")).one()
    assert detail == "role: clinician -> coordinator\nalerts_by: None -> sms\nmobile: None -> +13035550142"
    assert "No other clinician is told" not in ada.get(bob).page.text
    ada.get(f"{bob}/deactivate")
    assert "signed out everywhere" in ada.page.text
    ada.submit(form(ada, "/deactivate"))
    assert "Deactivated" in ada.page.text


def test_nobody_takes_away_their_own_access(ada: Browser, team: Cast) -> None:
    own = f"/settings/staff/{team.ada.public_id}"
    ada.get(own)
    assert 'value="clinician"' not in ada.response.text  # one's own role is not even offered
    ada.submit(form(ada, own), role="clinician")
    assert "or change its role" in ada.page.text
    assert ada.post(f"{own}/deactivate", {"csrf_token": form(ada, own).fields["csrf_token"]}).status == 409


def test_licences(ada: Browser) -> None:
    ada.get("/settings/licences")
    assert "PROMIS-29" in ada.page.text
    assert "A supplement file with the wording" in ada.page.text
    assert ada.response.text.count("<b>PCS</b>") == 1  # with all that it needs
    filled = {
        "permission-family": "promis",
        "permission-granted_by": "A. Person, HealthMeasures",
        "permission-granted_on": "2026-11-01",
        "permission-reference": "L-17",
    }
    old = form(ada, "/settings/permissions")
    ada.submit(old, **filled)
    assert "Given by A. Person, HealthMeasures on Sun 1 Nov 2026, reference L-17" in ada.page.text
    ada.submit(old, **{**filled, "permission-reference": "L-18"})  # of a page from before
    assert (ada.status, "reference L-17" in ada.page.text) == (422, True)
    ada.submit(form(ada, "/settings/protocols"), protocols="no-such")
    assert "no protocol of this name" in ada.page.text
    ada.submit(form(ada, "/settings/protocols"), protocols="five-day-free-instruments")
    assert 'value="five-day-free-instruments" checked' in ada.response.text


def test_a_clinic_goes_live_when_everything_is_settled_and_back(database: Database, tmp_path) -> None:
    import socket

    from tests.support.browsing import application

    with database.writing() as session:
        team = people.cast(session, demo=False)
        for who in (team.ada, team.bob, team.cora):
            people.set_password(session, who, by=team.ada)
    environment = {"MESSAGES": "live", "MESSAGES_HOST": socket.gethostname(), "MAIL_FROM": "prom@example.org"}
    app = application(database, tmp_path, **environment, SMTP_URL="smtp://127.0.0.1:1")
    ada = signed_in(app, database, team.ada).get("/settings")
    assert "To settle before going live" in ada.page.text
    ada.get("/settings/hours").submit(form(ada, "/settings/hours"))
    ada.get("/settings/alerts").submit(
        form(ada, "/settings/alerts"), closed_hours="next_opening", closed_hours_person="Dr. Bob"
    )
    bob = f"/settings/staff/{team.bob.public_id}"
    ada.get(bob).submit(form(ada, bob), role="clinician", alerts_by="email")
    ada.get("/settings/messages").submit(form(ada, "/settings/messages"), sender_name="Harbour Street")
    ada.get("/settings/going-live")
    assert "1 requirement is left" in ada.page.text
    token = form(ada, "/sign-out").fields["csrf_token"]
    assert ada.post("/settings/going-live", {"csrf_token": token}).status == 409
    ada.get("/settings/licences").submit(form(ada, "/settings/protocols"), protocols="five-day-free-instruments")
    ada.get("/settings/going-live").submit(form(ada, "/settings/going-live"))
    assert "Live since" in ada.page.text
    assert clinic(database, team).live_at == NOON
    assert "Not met any more" not in ada.get("/settings").page.text
    desk = signed_in(app, database, team.cora)
    assert "reach nobody" not in desk.get("/today").page.text
    assert "No other clinician is told" in ada.get(bob).page.text
    ada.submit(form(ada, bob), role="clinician", alerts_by="")
    assert "Not met any more" in ada.get("/settings").page.text
    assert "To settle before going live" not in ada.page.text
    assert "No clinician is told of alerts any more" in desk.get("/today").page.text
    ada.get("/settings/going-live").submit(form(ada, "/going-live/back"), reason="")
    assert ada.status == 422
    ada.submit(form(ada, "/going-live/back"), reason="The mail server moves.")
    assert clinic(database, team).live_at is None
    with database.reading() as session:
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("clinic.%"))))
    assert actions[-2:] == ["clinic.go_live", "clinic.back_to_trial"]
