"""The forms around an infusion and beside it. Errors are codes; labels and words are in the templates."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, Optional

from prom_server.core.adverse_events import EventAction, EventKind, EventOutcome
from prom_server.core.care import OtherCareKind, SessionKind, SideEffectKind
from prom_server.core.infusions import Details, MissedReason
from prom_server.core.settings_change import SettingsChanged, fingerprint
from prom_server.core.vital_signs import VitalKind
from prom_server.web.forms import NEEDED, Count, Day, Form, Number, Time, choice, text

NOT_ASKED, NO, YES = "not_asked", "no", "yes"
ANSWERS = {NOT_ASKED: None, NO: False, YES: True}


def moment(day: date, clock: time, time_zone: str) -> datetime:
    """What the clinic's clock showed, as an instant."""
    return datetime.combine(day, clock, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def optional_choice(values: tuple[str, ...]) -> Any:
    """One of `values`, or nothing: nothing is chosen beforehand."""
    return StringField(validators=[Optional(), AnyOf(values, message="not_a_choice")])


class Shown(Form):
    """A form filled with what is stored. `seen` stands for it, so that nothing newer is overwritten unseen."""

    seen = HiddenField()
    stale = False  # somebody else saved meanwhile

    def show_stored(self, error: SettingsChanged) -> None:
        """What was typed stays, what somebody else left is shown beside it; sent once more, it is saved."""
        self.refuse(error)
        self.seen.data, self.stale = fingerprint(error.stored), True


class DetailsForm(Shown):
    """What may be known of an infusion beside its time."""

    dose_mg = Number(places=None, validators=[Optional()])
    weight_kg = Number(places=None, validators=[Optional()])
    mg_per_kg = Number(places=None, validators=[Optional()])
    minutes = Count(validators=[Optional()])
    ondansetron = optional_choice(("", NO, YES))
    infusion_note = text(2000, needed=False, area=True)

    def details(self) -> Details:
        return Details(
            dose_mg=self.dose_mg.data,
            weight_kg=self.weight_kg.data,
            mg_per_kg=self.mg_per_kg.data,
            minutes=self.minutes.data,
            ondansetron=ANSWERS.get(self.ondansetron.data),
            note=self.infusion_note.data or None,
        )

    @classmethod
    def filled(cls, known: Details) -> "DetailsForm":
        """With what is known; mg/kg stays empty where it is dose over weight, so that it is computed again."""
        return cls(
            formdata=None,
            data={
                "seen": fingerprint(asdict(known)),
                "dose_mg": known.dose_mg,
                "weight_kg": known.weight_kg,
                "mg_per_kg": None if known.is_quotient else known.mg_per_kg,
                "minutes": known.minutes,
                "ondansetron": {None: None, False: NO, True: YES}[known.ondansetron],
                "infusion_note": known.note,
            },
        )


class InfusionForm(DetailsForm):
    """`shown_for` is the day of which the page said what it moves."""

    shown_for = HiddenField()
    given_on = Day(validators=[NEEDED])
    given_time = Time(validators=[NEEDED])

    def given_at(self, time_zone: str) -> datetime:
        return moment(self.given_on.data, self.given_time.data, time_zone)


class MissedForm(Form):
    reason = choice([str(each) for each in MissedReason])
    note = text(300, needed=False)


class VitalSignsForm(Form):
    measured_on = Day(validators=[NEEDED])
    measured_time = Time(validators=[NEEDED])
    systolic = Count(validators=[Optional()])
    diastolic = Count(validators=[Optional()])
    heart_rate = Count(validators=[Optional()])
    oxygen_saturation = Count(validators=[Optional()])

    def measured_at(self, time_zone: str) -> datetime:
        return moment(self.measured_on.data, self.measured_time.data, time_zone)

    def values(self) -> Mapping[VitalKind, int]:
        return {kind: self[kind].data for kind in VitalKind if self[kind].data is not None}


class EventForm(Form):
    """A new event; of one that is known only how it went on, see `FollowForm`."""

    kind = choice([str(each) for each in EventKind])
    action = choice([str(each) for each in EventAction])
    happened_on = Day(validators=[NEEDED])
    happened_time = Time(validators=[NEEDED])
    outcome = choice([str(each) for each in EventOutcome])
    resolved_on = Day(validators=[Optional()])
    resolved_time = Time(validators=[Optional()])
    note = text(2000, needed=False, area=True)

    def happened_at(self, time_zone: str) -> datetime:
        return moment(self.happened_on.data, self.happened_time.data, time_zone)


class FollowForm(Shown):
    outcome = choice([str(each) for each in EventOutcome])
    resolved_on = Day(validators=[Optional()])
    resolved_time = Time(validators=[Optional()])
    note = text(2000, needed=False, area=True)


def resolved_at(form: EventForm | FollowForm, time_zone: str) -> datetime | None:
    """None where no day was given. A day without a time is an error of the time's field."""
    if form.resolved_on.data is None and form.resolved_time.data is None:
        return None
    for field in (form.resolved_on, form.resolved_time):
        if field.data is None:
            field.errors = ("needed",)
            return None
    return moment(form.resolved_on.data, form.resolved_time.data, time_zone)


class ChecklistForm(Form):
    """A line for each kind: not asked, no, yes. A line that nobody touched says nothing and changes nothing."""

    kinds: type[StrEnum]

    def answers(self) -> dict[Any, bool | None]:
        return {kind: ANSWERS[self[kind].data] for kind in self.kinds if self[kind].data}


class SideEffectsForm(ChecklistForm, Shown):
    kinds = SideEffectKind
    what = text(300, needed=False)


class OtherCareForm(ChecklistForm):
    kinds = OtherCareKind
    asked_on = Day(validators=[NEEDED])


for _form in (SideEffectsForm, OtherCareForm):
    for _kind in _form.kinds:
        setattr(_form, _kind, optional_choice((NOT_ASKED, NO, YES)))


class DoseForm(Form):
    drug = StringField(validators=[NEEDED])
    daily_amount = Number(places=None, validators=[NEEDED])
    taken_from = Day(validators=[NEEDED])


class SessionForm(Form):
    kind = choice([str(each) for each in SessionKind])
    attended = choice([YES, NO])
    on = Day(validators=[NEEDED])


class NoteForm(Form):
    written = text(4000, area=True)
