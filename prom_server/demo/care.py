"""What stands around the demo's infusions: doses, side effects, vital signs, sessions. All made up.

It draws its own chances, so that the answers to the questionnaires stay the same whatever is added here.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.adverse_events import EventAction, EventKind, EventOutcome
from prom_server.core.care import OtherCareKind, SessionKind, SideEffectKind
from prom_server.core.infusions import Details, MissedReason
from prom_server.core.permissions import StaffMember
from prom_server.core.vital_signs import VitalKind
from prom_server.services import adverse_events, care, courses, infusions, opioid_doses, side_effects
from prom_server.services.adverse_events import Event
from prom_server.store.courses import Course, InfusionDay

MG_PER_KG = Decimal("0.5")  # the protocol's
ASKED = (SideEffectKind.NAUSEA, SideEffectKind.DIZZINESS, SideEffectKind.HALLUCINATION, SideEffectKind.CONFUSION)
AFTER = timedelta(minutes=50)


class Care:
    """One course's infusions and programme, each step at its moment and none ahead of `now`."""

    def __init__(self, session: Session, course: str, seed: int, *, by: StaffMember, now: datetime) -> None:
        self.session, self.course, self.by, self.now = session, course, by, now
        self.chance = Random(seed)  # noqa: S311 - not a secret
        self.weight = Decimal(self.chance.randrange(56, 104))

    def give(self, given_at: datetime) -> None:
        """One infusion, and as a rule what was asked and measured after it."""
        known = Details(self.weight * MG_PER_KG, self.weight, None, 40, self.chance.random() < 0.8)
        infusion = courses.record_infusion(self.session, self.course, given_at, details=known, by=self.by, at=given_at)
        after = min(given_at + AFTER, self.now)
        if self.chance.random() < 0.85:
            answers = {kind: self.chance.random() < 0.25 for kind in ASKED}
            side_effects.record_side_effects(self.session, infusion, answers, None, by=self.by, at=after)
        for at, higher in ((given_at, 0), (after, 9)):
            signs = {
                VitalKind.SYSTOLIC: self.chance.randrange(112, 136) + higher,
                VitalKind.DIASTOLIC: self.chance.randrange(68, 84),
                VitalKind.HEART_RATE: self.chance.randrange(62, 88),
                VitalKind.OXYGEN_SATURATION: self.chance.randrange(95, 100),
            }
            side_effects.record_vital_signs(self.session, infusion, at, signs, by=self.by, at=after)

    def stop(self, last_at: datetime) -> None:
        """The last infusion went badly and the next day was missed: before a course is stopped early."""
        note = "Synthetic: pressure rose with a headache; stopped and watched for an hour."
        happened, resolved = last_at + timedelta(minutes=20), last_at + timedelta(minutes=80)
        event = Event(
            EventKind.HYPERTENSION, EventAction.INFUSION_STOPPED, EventOutcome.RESOLVED, happened, resolved, note
        )
        adverse_events.record_event(self.session, self.course, event, by=self.by, at=resolved)
        day = self.session.scalars(
            select(InfusionDay.public_id)
            .join(Course, Course.id == InfusionDay.course_id)
            .where(Course.public_id == self.course, InfusionDay.infusion_id.is_(None))
            .order_by(InfusionDay.planned_on)
        ).first()
        if day is not None:
            at = resolved + timedelta(minutes=30)
            infusions.miss_day(self.session, day, MissedReason.UNWELL, None, by=self.by, at=at)

    def beside(self, first_on: date, last_on: date, at: datetime) -> None:
        """Opioids less than before, sessions of the programme, other care asked about once, a note."""
        dose = self.chance.choice((0, 0, 10, 20, 40))
        if dose:
            self.take("oxycodone", dose, first_on - timedelta(days=20), at)
            self.take("oxycodone", dose // 2, last_on, at)
        for kind in SessionKind:
            attended = self.chance.random() < 0.85
            care.record_session(self.session, self.course, kind, first_on, attended=attended, by=self.by, at=at)
        answers = {OtherCareKind.PHYSIOTHERAPY: self.chance.random() < 0.5, OtherCareKind.INJECTIONS: False}
        care.record_other_care(self.session, self.course, last_on, answers, by=self.by, at=at)
        care.write_note(self.session, self.course, "Synthetic: was driven home by a relative.", by=self.by, at=at)

    def take(self, drug: str, amount: int, taken_from: date, at: datetime) -> None:
        opioid_doses.record_dose(self.session, self.course, drug, Decimal(amount), taken_from, by=self.by, at=at)
