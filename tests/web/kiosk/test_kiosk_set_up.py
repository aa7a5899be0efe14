"""A tablet is set up, kept and left: by the staff, and by nobody else."""

import re

from prom_server.store.database import Database
from prom_server.web.guard import RULES, Access
from tests import cast as people
from tests.cast import PASSWORD, Cast
from tests.support.browsing import Browser
from tests.support.databases import only_sqlite
from tests.support.kiosk_pages import CLEARED, CREDENTIAL, begin, form, made
from tests.support.signing_in import signed_in


def test_an_administrator_registers_a_tablet_and_the_link_makes_one(app, database: Database, team: Cast) -> None:
    ada = signed_in(app, database, team.ada)
    ada.get("/settings/tablets")
    ada.submit(form(ada, "/settings/tablets"), **{"tablet-name": "Tablet 7", "tablet-language": "es"})
    path = re.search(r"/kiosk/set-up/[\w-]+", ada.response.text).group()
    browser = Browser(app)
    assert "Tablet 7" in browser.get(path).page.text
    response = browser.client.post(path, data=browser.page.form.fields)
    cookie = next(each for each in response.headers.getlist("Set-Cookie") if each.startswith(CREDENTIAL))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert response.headers["Clear-Site-Data"] == CLEARED
    assert browser.get("/kiosk").status == 200
    assert browser.get(path).status == 410
    assert 'lang="es"' in browser.get("/kiosk").response.text


def test_a_browser_that_is_no_tablet_opens_no_kiosk_page(app, tablet: Browser) -> None:
    stranger = Browser(app)
    for rule in app.url_map.iter_rules():
        if RULES[rule.endpoint] is Access.KIOSK:
            for method in rule.methods & {"GET", "POST"}:
                assert stranger.client.open(rule.rule, method=method).status_code in {400, 401}, rule
    assert tablet.get("/kiosk").status == 200


def test_the_credential_opens_no_staff_page_and_nobody_s_answers(tablet: Browser) -> None:
    assert tablet.client.get("/today").location == "/sign-in"
    assert tablet.client.get("/answer/1/1").location == "/kiosk"


def test_a_revoked_tablet_says_so(app, database: Database, team: Cast, tablet: Browser) -> None:
    ada = signed_in(app, database, team.ada)
    ada.get("/settings/tablets").submit(form(ada.get("/settings/tablets"), "/revoke"))
    assert "revoked" in ada.page.text
    assert tablet.get("/kiosk").status == 401


def test_times_are_settable_within_limits(app, database: Database, team: Cast, desk: Browser, tablet: Browser) -> None:
    ada = signed_in(app, database, team.ada)
    times = {"waits-cover_after": "29", "waits-end_after": "120", "waits-thanks_for": "20"}
    ada.get("/settings/tablets").submit(form(ada.get("/settings/tablets"), "/times"), **times)
    assert ada.status == 422
    ada.submit(form(ada, "/times"), **times | {"waits-cover_after": "45"})
    assert ada.status == 200
    begin(desk, tablet)
    assert 'content="45; url=/kiosk/cover"' in tablet.response.text


def test_after_five_wrong_codes_the_tablet_waits_for_the_staff(
    app, desk: Browser, tablet: Browser, database: Database, team: Cast
) -> None:
    for _ in range(5):
        tablet.get("/kiosk/code").submit(form(tablet, "/kiosk/code"), code="000000")
    assert tablet.get("/kiosk/code").path == "/kiosk"
    assert "waits for somebody of the staff" in tablet.page.text
    assert tablet.get("/kiosk/unlock").path == "/sign-in"
    with database.reading() as session:
        email = people.email_of(session, team.cora)
    tablet.submit(email=email, password=PASSWORD)
    assert tablet.path == "/kiosk/unlock"
    tablet.submit()
    assert tablet.path == "/kiosk"
    assert "Please tell the front desk" in tablet.page.text
    with tablet.client.session_transaction() as held:
        assert "staff" not in held
    assert made(app, database, team, "Tablet 3").get("/kiosk/code").status == 200


def test_leaving_kiosk_mode_needs_a_staff_sign_in(
    app, tablet: Browser, database: Database, team: Cast, desk: Browser
) -> None:
    tablet.get("/kiosk")
    assert tablet.client.post("/kiosk/leave").status_code in {400, 401, 303}
    assert tablet.get("/kiosk").status == 200
    assert tablet.get("/kiosk/unlock").path == "/sign-in"
    with database.reading() as session:
        email = people.email_of(session, team.bob)
    tablet.submit(email=email, password=PASSWORD)
    tablet.submit(form(tablet, "/kiosk/leave"))
    assert tablet.path == "/today"
    assert tablet.client.get_cookie(CREDENTIAL) is None
    assert tablet.get("/kiosk").status == 401


def test_another_clinic_s_staff_cannot_take_a_tablet_out(app, tablet: Browser, database: Database, team: Cast) -> None:
    tablet.get("/kiosk/unlock")
    with database.reading() as session:
        email = people.email_of(session, team.charlie)
    tablet.submit(email=email, password=PASSWORD)
    assert tablet.submit(form(tablet, "/kiosk/leave")).status == 404
    assert tablet.client.get_cookie(CREDENTIAL) is not None


@only_sqlite
def test_a_tablet_shows_no_staff_page_before_it_leaves_kiosk_mode(
    app, tablet: Browser, database: Database, team: Cast
) -> None:
    tablet.get("/kiosk")
    with (
        tablet.client.session_transaction() as held,
        signed_in(app, database, team.bob).client.session_transaction() as bobs,
    ):
        held.update(bobs)
    for path in ("/today", "/patients", "/settings/tablets"):
        assert tablet.get(path).path in {"/kiosk/unlock", path}
        assert "DEMO-1" not in tablet.response.text
    assert tablet.get("/today").path == "/kiosk/unlock"
    assert tablet.response.headers["Refresh"] == "90; url=/kiosk"
    tablet.get("/kiosk")  # by itself, when nobody does anything
    assert tablet.get("/today").path == "/sign-in"


@only_sqlite
def test_a_sign_in_or_an_error_on_a_tablet_leads_back_to_its_start(app, tablet: Browser) -> None:
    for path, status in (("/kiosk/unlock", 200), ("/nowhere", 404)):
        assert tablet.get(path).status == status
        assert tablet.response.headers["Refresh"] == "90; url=/kiosk"
        assert "/kiosk" in tablet.page.links
    assert 'autocomplete="current-password"' not in tablet.get("/sign-in").response.text
    somebody = Browser(app).get("/sign-in")
    assert "Refresh" not in somebody.response.headers
    assert 'autocomplete="current-password"' in somebody.response.text


@only_sqlite
def test_a_private_link_is_not_opened_on_a_tablet(app, desk: Browser, tablet: Browser, baseline: str) -> None:
    """There it would be a session that neither covers itself nor ends with the visit."""
    desk.get(f"/assessments/{baseline}/link")
    desk.submit(next(each for each in desk.page.forms if not each.action))
    path = re.search(r"/a/[\w-]+", desk.response.text).group()
    assert Browser(app).get(path).path == path
    for page in ("", "/results", "/reminders"):
        assert tablet.get(path + page).path == "/kiosk"
    begin(desk, tablet)
    assert tablet.get("/resume").path == "/kiosk/cover"
