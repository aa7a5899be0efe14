"""Who is in the demo clinic, and where they are in their course. Every name, number and answer is made up.

Days count from the day the demo is made: a course with `first=-90` had its first infusion 90 days before.
"""

from dataclasses import dataclass, field
from datetime import date

from prom_server.core.settings_change import Section

CLINIC = {
    "name": "Harbour Street Pain Clinic",
    "time_zone": "America/Denver",
    "phone": "(303) 555-0142",
    "hours": "weekdays 8 am to 5 pm",
    "paper": "letter",
}
SETTINGS: dict[Section, dict[str, object]] = {
    Section.MESSAGES: {"sender_name": "Harbour Street"},
    Section.ALERTS: {"closed_hours": "next_opening", "closed_hours_person": "Dr. Pat Pretend"},
    Section.PROTOCOLS: {"protocols": ["ketamine-five-day"]},
}
HOURS_IN_SPANISH = "de lunes a viernes, de 8 de la mañana a 5 de la tarde"

STAFF = (
    ("Ada Admin", "admin@demo.example", "administrator"),
    ("Dr. Pat Pretend", "clinician@demo.example", "clinician"),
    ("Cleo Coordinator", "coordinator@demo.example", "coordinator"),
)


@dataclass(frozen=True)
class Answers:
    """How bad it was at one time point, from 0 (not at all) to 1 (as bad as can be), and what was special.

    `only` stops after so many answers without submitting; `days_after` counts from the day the time point is due.
    """

    severity: float
    days_after: int = 0
    item_9: int | None = 0
    skip: tuple[str, ...] = ()
    only: int | None = None


@dataclass(frozen=True)
class Course:
    first: int
    infusions: int = 5
    finished: bool = True
    protocol: str = "ketamine-five-day"
    answers: dict[str, Answers] = field(default_factory=dict)
    earlier_serve: bool = False  # answers to the course before stand for the baseline too


@dataclass(frozen=True)
class Contact:
    """How a person is reached: an e-mail address and a mobile number that are made up, and what was said of them."""

    email: bool = True
    sms: bool = False
    consent: bool = True
    undeliverable: bool = False  # the e-mail address
    best_time: str | None = None
    may_leave_message: bool | None = True


@dataclass(frozen=True)
class Call:
    """A call about what was overdue then; `back_in` days from today the patient wants to be rung again."""

    days_ago: int
    outcome: str
    note: str | None = None
    back_in: int | None = None


@dataclass(frozen=True)
class Person:
    given: str
    family: str
    born: date
    courses: tuple[Course, ...] = ()
    acknowledge: bool = False  # the clinician has acknowledged the open alerts
    contact: Contact = Contact()
    withdrew: str | None = None  # why, three days ago
    calls: tuple[Call, ...] = ()


A = Answers

CAST = (
    Person("Rosa", "Specimen", date(1968, 3, 12), (
        Course(-318, answers={
            "baseline": A(0.74, -4, item_9=1),
            "last-infusion": A(0.56, 0, item_9=1),
            "month-3": A(0.55, 2, item_9=1, skip=("AN3", "phq5")),
        }),
        Course(-94, answers={
            "baseline": A(0.70, -4, item_9=1),
            "last-infusion": A(0.50, 0),
            "month-3": A(0.58, 0, item_9=2),
        }),
    ), contact=Contact(sms=True, best_time="weekdays after 5 pm")),
    Person("Theo", "Madeup", date(1979, 8, 2), (
        Course(4, infusions=0, finished=False, answers={"baseline": A(0.72, -5, item_9=1)}),
    ), acknowledge=True),
    Person("Mina", "Placeholder", date(1990, 11, 30), (
        Course(-95, answers={
            "baseline": A(0.62, -6),
            "last-infusion": A(0.50, 1),
            "month-3": A(0.52, 0, skip=("phq9",)),
        }),
    )),
    Person("Hank", "Example", date(1955, 1, 19), (
        Course(-4, infusions=4, finished=False, answers={
            "baseline": A(0.66, -2),
            "last-infusion": A(0.45, 0, only=31),
        }),
    )),
    Person("Odile", "Testcase", date(1961, 4, 15), (Course(5, infusions=0, finished=False),)),
    Person("Jun", "Fiction", date(1984, 6, 8), (
        Course(-98, answers={
            "baseline": A(0.55, -3),
            "last-infusion": A(0.50, 0),
            "month-3": A(0.86, 3, skip=("phq7", "EDANX41", "Sleep44")),
        }),
    )),
    Person("Paul", "Pretended", date(1949, 12, 5), (
        Course(-225, answers={
            "baseline": A(0.68, -8),
            "last-infusion": A(0.52, 0),
            "month-3": A(0.50, 4),
        }),
    ), calls=(Call(8, "left_message"), Call(4, "call_back", "Synthetic: was driving.", back_in=-1))),
    Person("Avery", "Sample", date(1972, 7, 21), (
        Course(-108, answers={"baseline": A(0.77, -5), "last-infusion": A(0.58, 0)}),
    ), contact=Contact(undeliverable=True, best_time="mornings", may_leave_message=None),
       calls=(Call(5, "no_answer"), Call(4, "no_answer"))),
    Person("Lena", "Invented", date(1966, 2, 14), (
        Course(-1, infusions=2, finished=False, answers={"baseline": A(0.71, -1)}),
    )),
    Person("Greta", "Notreal", date(1993, 9, 27), (
        Course(1, infusions=0, finished=False, answers={"baseline": A(0.64, -3)}),
    )),
    Person("Nils", "Dummy", date(1958, 5, 3), (
        Course(-190, infusions=3, answers={
            "baseline": A(0.73, -7),
            "last-infusion": A(0.66, 1),
            "month-3": A(0.69, 6),
        }),
    ), contact=Contact(consent=False, may_leave_message=False)),
    Person("Iris", "Mockup", date(1987, 10, 11), (
        Course(-240, answers={
            "baseline": A(0.78, -6, item_9=1),
            "last-infusion": A(0.40, 0),
            "month-3": A(0.34, 1),
            "month-6": A(0.30, 5),
        }),
    )),
    Person("Bram", "Fabricated", date(1976, 3, 30), (
        Course(-184, answers={
            "baseline": A(0.60, -2),
            "last-infusion": A(0.55, 0),
            "month-3": A(0.57, 0),
        }),
    ), contact=Contact(email=False, sms=True), withdrew="Synthetic: has moved to another state."),
    Person("Zoe", "Newcomer", date(1999, 1, 25), contact=Contact(email=False, may_leave_message=None)),
    Person("Cora", "Concocted", date(1981, 9, 16), (
        Course(-100, protocol="five-day-adaptive", answers={
            "baseline": A(0.72, -3),
            "last-infusion": A(0.55, 0),
            "month-3": A(0.42, 1, skip=("EDDEP29",)),
        }),
        Course(6, infusions=0, finished=False, protocol="five-day-adaptive", earlier_serve=True),
    )),
)  # fmt: skip
