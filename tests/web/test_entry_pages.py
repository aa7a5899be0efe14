"""The pages on which staff enter answers, and what patients' pages tell of device and time; without scripts."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.web.circumstances import device_class, shown_for
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON
from tests.support.pages import Form

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari"
ANDROID_TABLET = "Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
CHOICE = {"part": "1", "respondent": "patient"}
PAPER = {**CHOICE, "mode": "paper", "written_on": "2026-11-22"}

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.cora, by=team.ada)
        return team


@pytest.fixture
def invited(database: Database, team: Cast) -> clinic.Invited:
    with database.writing() as session:
        return clinic.invited(session, team.bob, number=5)


def mine(desk: Browser) -> Form:
    """The page's own form: the others sign out."""
    return next(form for form in desk.page.forms if form.action != "/sign-out")


def typed(values: list[int | None], first: int = 1) -> dict[str, str]:
    return {f"item-{n}": "blank" if value is None else str(value) for n, value in enumerate(values, first)}


def chosen(desk: Browser, invited: clinic.Invited, **fields: str) -> Browser:
    desk.get(f"/assessments/{invited.assessment}/entry")
    return desk.submit(mine(desk), **fields)


def test_a_paper_form_from_the_course_to_the_answers_page(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    desk.get(f"/courses/{invited.course}")
    assert f"/assessments/{invited.assessment}/entry" in desk.page.links
    chosen(desk, invited, **PAPER | {"respondent": "proxy", "relation": "daughter"})
    assert desk.path.endswith("/paper")
    assert "written on" in desk.page.text
    desk.submit(mine(desk), go="send", **typed([1, 1, 1, 1, 1, 1, 1, 1, 0, 1]))
    assert desk.path.endswith("/entry")
    assert "The part is stored and sent." in desk.page.text
    assert mine(desk).fields["written_on"] == "2026-11-22"  # the next part is likely the same
    assert mine(desk).fields["relation"] == "daughter"
    with database.reading() as session:
        row = session.scalars(select(Administration).where(Administration.position == 1)).one()
        assert session.scalars(select(RecordedScore.value)).one() == 8
    desk.get(f"/patients/{invited.patient}/answers")
    assert "answered for the patient by: daughter" in desk.page.text
    assert "entered by Cora Example" in desk.page.text
    desk.get(f"/answers/{row.public_id}")
    assert "1, Several days" in desk.page.text
    assert "Sun 22 Nov 2026" in desk.page.text
    assert "12:00:00" not in desk.page.text  # the paper tells no hour


def test_an_overlooked_item_is_asked_for_and_a_blank_is_not(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="send", **typed([1] * 3 + [None]), **typed([1] * 6, first=5) | {"item-6": "blank"})
    assert "The part is stored and sent." in desk.page.text
    with database.reading() as session:
        assert [each.value for each in session.scalars(select(Response).order_by(Response.sequence))].count(None) == 2


def test_what_was_typed_stays_when_an_item_was_overlooked(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="send", **typed([2] * 4))
    assert desk.status == 422
    assert "Item 5 : choose what is marked on the paper" in desk.page.text
    assert "Item 4 :" not in desk.page.text
    assert mine(desk).fields["item-4"] == "2"
    assert people.count(database, Response) == 0


def test_an_item_that_does_not_apply(desk: Browser, database: Database, invited: clinic.Invited) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="send", **typed([0] * 9 + [2]))
    assert desk.status == 422
    assert "Item 10 : it does not apply" in desk.page.text
    assert people.count(database, Response) == 0


def test_item_9_on_paper_leads_to_what_to_do_now(desk: Browser, database: Database, invited: clinic.Invited) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="send", **typed([0] * 8 + [2, 1]))
    assert desk.path.endswith("/stay")
    assert "This paper form needs somebody now" in desk.page.text
    assert "More than half the days".lower() in desk.page.text
    with database.reading() as session:
        alert = session.scalars(select(Alert.public_id)).one()
    assert "Written on paper on" in desk.get(f"/alerts/{alert}").page.text


def test_two_passes_that_differ_and_are_settled(desk: Browser, database: Database, invited: clinic.Invited) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="twice", **typed([0] * 7 + [2, 0, 1]))
    assert desk.path.endswith("/paper")
    assert "Type the form once more" in desk.page.text
    assert "item-8" not in mine(desk).fields  # the second pass does not see the first
    desk.submit(mine(desk), go="send", **typed([0] * 7 + [3, 0, 1]))
    assert "1 item was typed in two ways" in desk.page.text
    assert mine(desk).options["item-8"] == ["2", "3"]
    assert "item-8" not in mine(desk).fields
    assert people.count(database, RecordedScore) == 0
    desk.submit(mine(desk), **{"go": "settled", "item-8": "3"})
    assert desk.path.endswith("/entry")
    with database.reading() as session:
        assert session.scalars(select(RecordedScore.value)).all() == [3]


def test_a_double_click_on_the_first_pass_is_no_second_one(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    chosen(desk, invited, **PAPER)
    first = mine(desk)
    for _ in range(2):
        desk.submit(first, go="twice", **typed([0] * 7 + [2, 0, 1]))
        assert desk.path.endswith("/paper")
        assert "Type the form once more" in desk.page.text
    assert people.count(database, RecordedScore) == 0
    desk.submit(first, go="twice", **typed([0] * 7 + [3, 0, 1]))  # and an old page overwrites nothing
    assert desk.status == 409
    assert people.count(database, Response, Response.value == 3) == 0


def test_a_paper_form_that_is_asked_again_shows_what_was_typed(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="send", **typed([1] * 7 + [None, 0, 1]))
    desk.get("/today")
    assert "paper, 1 item short" in desk.page.text
    desk.submit(next(form for form in desk.page.forms if form.action.endswith("/ask-again")))
    assert desk.path.endswith("/entry")
    assert "Ask the patient, then enter what was missing." in desk.page.text
    desk.submit(mine(desk))  # as it was entered before
    assert "This part was sent before." in desk.page.text
    assert mine(desk).fields["item-1"] == "1"
    desk.submit(mine(desk), go="send", **{"item-8": "2"})
    assert "The part is stored and sent." in desk.page.text
    with database.reading() as session:
        current = RecordedScore.superseded_at.is_(None)
        assert session.scalars(select(RecordedScore.value).where(current)).all() == [9]


def test_what_was_said_of_stored_answers_stays(desk: Browser, database: Database, invited: clinic.Invited) -> None:
    chosen(desk, invited, **PAPER | {"respondent": "proxy", "relation": "daughter"})
    desk.submit(mine(desk), go="twice", **typed([0] * 9 + [None]))
    chosen(desk, invited, **PAPER | {"respondent": "patient"})
    assert desk.status == 422
    assert "something else was said of them" in desk.page.text
    assert "answered for the patient by: daughter" in desk.page.text


def test_a_difference_that_nobody_settled_is_not_stored(
    desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    chosen(desk, invited, **PAPER)
    desk.submit(mine(desk), go="twice", **typed([0] * 7 + [2, 0, 1]))
    desk.submit(mine(desk), go="send", **typed([0] * 7 + [3, 0, 1]))
    desk.submit(mine(desk), go="settled")
    assert desk.status == 422
    assert people.count(database, RecordedScore) == 0


def test_a_telephone_interview(desk: Browser, database: Database, invited: clinic.Invited, noon) -> None:
    chosen(desk, invited, **CHOICE, mode="telephone")
    for number in range(1, 9):
        assert f"Item {number} of 9" in desk.page.text
        noon.shift(timedelta(seconds=15))
        desk.submit(mine(desk), value="0")
    assert "Item 9 of 9" in desk.page.text
    desk.submit(mine(desk))
    assert desk.status == 422
    desk.submit(mine(desk), value="1")
    assert desk.path.endswith("/stay")
    assert "Stay on the line" in desk.page.text
    desk.get(desk.page.links[-1])
    desk.submit(mine(desk), go="skip-confirmed")
    assert desk.path.endswith("/send")
    desk.submit(mine(desk))
    assert desk.path.endswith("/entry")
    with database.reading() as session:
        given = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [each.answered_at - each.shown_at for each in given[:8]] == [timedelta(seconds=15)] * 8
        assert [each.value for each in given] == [0] * 8 + [1, None]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mode": "paper", "written_on": ""}, "Please give the date that is written on the paper."),
        ({"mode": "paper", "written_on": "2027-01-01"}, "This is in the future, or before the assessment opened."),
        ({"mode": "telephone", "respondent": "proxy"}, "Please say who answered for the patient."),
        ({"mode": "fax"}, "Please choose one of the options."),
        ({"mode": "telephone", "part": "7"}, "Please choose one of the options."),
    ],
)
def test_what_is_wrong_is_said(desk: Browser, database: Database, invited, fields: dict[str, str], says: str) -> None:
    chosen(desk, invited, **CHOICE | fields)
    assert desk.status == 422
    assert says in desk.page.text
    assert people.count(database, Administration) == 0


# ---- Asked again


def answered_short(app, invited: clinic.Invited) -> Browser:
    patient = Browser(app).begin(invited.token)
    for _ in range(7):
        patient.answer(1)
    patient.submit(go="skip").submit(go="skip-confirmed")
    patient.answer_until_review(0)
    return patient.submit()


def test_today_shows_what_is_short_and_one_press_opens_it(
    app, desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    patient = answered_short(app, invited)
    desk.get("/today")
    assert "own device, 1 item short" in desk.page.text
    again = next(form for form in desk.page.forms if form.action.endswith("/ask-again"))
    desk.submit(again)
    assert "The part is open again." in desk.page.text
    desk.get(again.action.removesuffix("/ask-again"))
    assert "sent today 12:00, asked again and not sent since" in desk.page.text
    assert "today 12:00, asked again" in desk.get(f"/patients/{invited.patient}/answers").page.text
    desk.get("/today")
    assert "item short" not in desk.page.text.replace("Sent today, an item short", "")
    patient.get("/answer/go-on")
    assert patient.path == "/answer/1/review"
    patient.get("/answer/1/8").answer(3).get("/answer/1/review").submit()
    with database.reading() as session:
        rows = session.execute(
            select(RecordedScore.value, RecordedScore.superseded_at).order_by(RecordedScore.id)
        ).all()
        assert [(int(value), superseded is None) for value, superseded in rows] == [(8, False), (10, True)]
    desk.submit(again)  # an old page: there is nothing to ask
    assert desk.status == 409
    assert "Nothing to ask again" in desk.page.text


def test_who_helped_at_a_tablet_is_said_by_the_staff(
    app, desk: Browser, database: Database, invited: clinic.Invited
) -> None:
    answered_short(app, invited)
    with database.reading() as session:
        public_id = session.scalars(select(Administration.public_id).order_by(Administration.position)).first()
    who = next(form for form in desk.get(f"/answers/{public_id}").page.forms if form.action.endswith("/who"))
    assert who.fields["respondent"] == "patient"
    desk.submit(who, respondent="proxy", relation="")
    assert desk.status == 422
    assert "Please say who answered for the patient." in desk.page.text
    desk.submit(who, respondent="proxy", relation="daughter", assisted_by="a nurse")
    assert "answered for the patient by: daughter; helped by: a nurse" in desk.page.text
    desk.submit(who, respondent="patient", relation="unused", assisted_by="a nurse")
    assert "answered for the patient by" not in desk.page.text
    with database.reading() as session:
        said = session.scalars(
            select(AuditEntry.detail).where(AuditEntry.action == "administration.who").order_by(AuditEntry.id)
        ).all()
    assert said[0].splitlines() == [
        "respondent: patient -> proxy",
        "relation: None -> daughter",
        "assisted_by: None -> a nurse",
    ]
    assert said[1].splitlines() == ["respondent: proxy -> patient", "relation: daughter -> None"]


def test_declined_parts_are_counted_where_assessments_are_listed(app, desk: Browser, invited: clinic.Invited) -> None:
    patient = Browser(app).begin(invited.token)
    patient.get("/answer/1/decline").submit()
    for page in ("/today", "/follow-ups", f"/courses/{invited.course}", f"/patients/{invited.patient}"):
        assert "1 part declined" in desk.get(page).page.text, page


# ---- The patient's pages


def test_start_and_end_without_scripts(app, database: Database, invited: clinic.Invited, noon) -> None:
    patient = Browser(app).begin(invited.token)
    noon.shift(timedelta(seconds=20))
    patient.answer(1)
    noon.shift(timedelta(seconds=5))
    patient.submit(go="skip")
    noon.shift(timedelta(seconds=4))
    patient.submit(go="skip-confirmed")
    with database.reading() as session:
        given = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [(each.answered_at - each.shown_at).seconds for each in given] == [20, 9]


@pytest.mark.parametrize(("agent", "known"), [(IPHONE, "phone"), (ANDROID_TABLET, "tablet"), (WINDOWS, "computer")])
def test_device_without_scripts(app, database: Database, invited: clinic.Invited, agent: str, known: str) -> None:
    patient = Browser(app).begin(invited.token)
    form = patient.page.form
    patient.post(form.action, {**form.fields, "value": "1"}, headers={"User-Agent": agent})
    patient.post("/answer/1/2", {**patient.page.form.fields, "value": "1"}, headers={"User-Agent": WINDOWS})
    with database.reading() as session:
        assert session.scalars(select(Administration.device_class).order_by(Administration.position)).first() == known


def test_what_the_page_says_of_itself_is_bounded_and_never_refused() -> None:
    second = timedelta(seconds=1)
    now = str(int(NOON.timestamp()))
    assert shown_for({"seconds": "7", "rendered": now}, 0 * second, NOON) == 7 * second
    assert shown_for({"rendered": now}, 3 * second, NOON + 10 * second) == 7 * second
    for odd in ({}, {"seconds": "-1"}, {"seconds": "999999"}, {"rendered": "1"}, {"rendered": "x" * 99}):
        assert shown_for(odd, 0 * second, NOON) is None
    assert shown_for({"rendered": now}, 60 * second, NOON) is None  # answered before it was shown
    assert (device_class("tablet", WINDOWS), device_class("fridge", WINDOWS)) == ("tablet", "computer")
    assert (device_class(None, "Mozilla (iPad; CPU OS 12_5)"), device_class(None, "")) == ("tablet", None)


def test_a_questionnaire_is_declined_after_one_question(app, database: Database, invited: clinic.Invited) -> None:
    patient = Browser(app).begin(invited.token)
    assert "/answer/1/decline" in patient.page.links
    patient.answer(1)
    assert "/answer/1/decline" not in patient.page.links
    patient.get("/answer/1/decline")
    assert "What you answered in it is kept" in patient.page.text
    assert "/answer/1/2" in patient.page.links
    patient.submit()
    assert patient.path == "/answer/2/1"
    assert patient.get("/answer/1/decline").path == "/answer/2/1"
    with database.reading() as session:
        assert session.scalars(select(RecordedScore.reason)).all() == ["declined"]
        assert session.scalars(select(Alert.level)).all() == ["flag"]


def test_a_break_after_each_part_of_a_long_battery(app, database: Database, team: Cast) -> None:
    with database.writing() as session:
        invited = clinic.invited(session, team.bob, number=6, protocol=clinic.DEFAULT)
    patient = Browser(app).begin(invited.token)
    seen = []
    while patient.path != "/answer/thanks":
        if patient.path.endswith("/break"):
            seen.append(patient.page.text)
            patient.get("/answer/go-on")
        elif patient.path.endswith("/review"):
            patient.submit()
        else:
            patient.answer_until_review(1)
    assert len(seen) == 3
    assert "Part 2 of 4 is done." in seen[1]


def test_no_break_in_a_short_battery(app, invited: clinic.Invited) -> None:
    patient = Browser(app).begin(invited.token).answer_until_review(0).submit()
    assert patient.path == "/answer/2/1"
