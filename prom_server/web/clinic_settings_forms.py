"""The forms of the clinic's settings. Each carries what its page showed, so that nobody saves over somebody else."""

from collections.abc import Mapping
from datetime import time
from typing import Any, ClassVar
from zoneinfo import available_timezones

from wtforms import Field, SelectMultipleField, StringField
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError

from prom_server.core import email_address
from prom_server.core.accounts import StaffDetails
from prom_server.core.clinics import HOME_MINUTES, KIOSK_MINUTES, PAPERS
from prom_server.core.going_live import ClosedHours
from prom_server.core.opening_hours import Hours
from prom_server.core.permissions import Role
from prom_server.core.settings_change import FIELDS, Section, SettingsChanged, fingerprint
from prom_server.web import forms

WEEK = range(7)  # 0 is Monday
SPANS = (1, 2)


class Seen(forms.Form):
    """`theirs`: what somebody else left in the fields that differ from what was typed; empty until that happens."""

    seen = StringField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.theirs: dict[str, Any] = {}

    def new(self) -> dict[str, Any]:
        """By stored field."""
        raise NotImplementedError

    def shown(self) -> str:
        """The fingerprint of what the page showed. Without one nothing is saved: both are shown."""
        return self.seen.data or ""

    def show_both(self, error: SettingsChanged) -> None:
        """What was typed stays in the form; saved once more, it takes the place of theirs."""
        typed = self.new()
        self.theirs = {field: value for field, value in error.stored.items() if typed.get(field) != value}
        self.seen.data = fingerprint(error.stored)
        self.refuse(error)


class Page(Seen):
    """Of one section of the clinic's settings."""

    section: ClassVar[Section]

    def new(self) -> dict[str, Any]:
        return {field: _stored(self[field].data) for field in FIELDS[self.section]}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Page":
        return cls(formdata=None, data={**values, "seen": fingerprint(values)})


def _stored(value: Any) -> Any:
    """Nothing typed is nothing stored; a time is stored as the clock shows it."""
    return value.strftime("%H:%M") if isinstance(value, time) else value or None


def minutes(bounds: tuple[int, int]) -> Any:
    return forms.Count(validators=[InputRequired("needed"), NumberRange(*bounds, message="not_so_long")])


class ClinicPage(Page):
    section = Section.CLINIC
    name = forms.text(120)
    phone = forms.text(40, forms.PHONE)
    hours = forms.text(120)
    time_zone = forms.text(64)
    paper = forms.choice(PAPERS)

    def validate_time_zone(self, field: Field) -> None:
        if field.data not in available_timezones():
            raise ValidationError("UnknownTimeZone")


class AlertsPage(Page):
    section = Section.ALERTS
    alert_kiosk_minutes = minutes(KIOSK_MINUTES)
    alert_home_minutes = minutes(HOME_MINUTES)
    closed_hours = StringField()
    closed_hours_person = forms.text(120, needed=False)

    def validate_closed_hours(self, field: Field) -> None:
        if field.data and field.data not in set(ClosedHours):
            raise ValidationError("not_a_choice")


def clock_time() -> Any:
    """A time of the clinic's day, such as 08:30, as text."""
    return StringField(filters=[forms.clean], validators=[InputRequired("needed"), _is_time])


def _is_time(_form: Any, field: Field) -> None:
    try:
        field.data = time.fromisoformat(field.data).strftime("%H:%M")
    except ValueError:
        raise ValidationError("not_a_time") from None


class MessagesPage(Page):
    section = Section.MESSAGES
    sender_name = forms.text(60, needed=False)
    reply_to = forms.text(email_address.LONGEST, forms.an_email, needed=False)
    reminders_at = clock_time()
    quiet_from = clock_time()
    quiet_to = clock_time()


class ProtocolsPage(Page):
    section = Section.PROTOCOLS
    protocols = SelectMultipleField(validate_choice=False)

    def new(self) -> dict[str, Any]:
        return {"protocols": sorted(self.protocols.data or ()) or None}


class HoursPage(Seen):
    """Of each weekday up to two spans: fields opens_0_1, closes_0_1, opens_0_2, closes_0_2 are Monday's."""

    def new(self) -> dict[str, Any]:
        return {}

    def weekly(self) -> dict[int, Hours]:
        """What was typed; a span of which one end is missing is refused before."""
        spans = {day: tuple(self._span(day, number) for number in SPANS) for day in WEEK}
        return {day: tuple(span for span in both if span) for day, both in spans.items() if any(both)}

    def _span(self, day: int, number: int) -> tuple[str, str] | None:
        opens, closes = self[f"opens_{day}_{number}"].data, self[f"closes_{day}_{number}"].data
        return (opens, "24:00" if closes == "00:00" else closes) if opens and closes else None

    def validate(self, extra_validators: Any = None) -> bool:
        if not super().validate(extra_validators):
            return False
        for day in WEEK:
            for number in SPANS:
                opens, closes = self[f"opens_{day}_{number}"], self[f"closes_{day}_{number}"]
                if bool(opens.data) != bool(closes.data):
                    (closes if opens.data else opens).errors = ("needed",)
        return not self.errors

    @classmethod
    def of(cls, weekly: Mapping[int, Hours], seen: str) -> "HoursPage":
        values = {"seen": seen}
        for day, hours in weekly.items():
            for number, (opens, closes) in zip(SPANS, hours, strict=False):
                values |= {f"opens_{day}_{number}": opens, f"closes_{day}_{number}": closes.replace("24:00", "00:00")}
        return cls(formdata=None, data=values)


for _day in WEEK:
    for _number in SPANS:
        for _end in ("opens", "closes"):
            _field = StringField(filters=[forms.clean], validators=[Optional(), _is_time])
            setattr(HoursPage, f"{_end}_{_day}_{_number}", _field)


class ClosedDay(forms.Form):
    on = forms.Day(validators=[InputRequired("needed")])
    name = forms.text(80)


class Reopened(forms.Form):
    on = forms.Day(validators=[InputRequired("needed")])


class Person(Seen):
    name = forms.text(120)
    role = forms.choice([str(each) for each in Role])
    alerts_by = StringField()
    mobile = forms.text(40, needed=False)

    def validate_alerts_by(self, field: Field) -> None:
        if field.data not in {"", None, "email", "sms"}:
            raise ValidationError("not_a_choice")

    def new(self) -> dict[str, Any]:
        return {name: _stored(self[name].data) for name in ("name", "role", "alerts_by", "mobile")}

    def details(self) -> StaffDetails:
        new = self.new()
        return StaffDetails(new["name"], Role(new["role"]), new["alerts_by"], new["mobile"])

    @classmethod
    def of(cls, details: StaffDetails, seen: str) -> "Person":
        values = {"alerts_by": details.alerts_by or "", "role": str(details.role)}
        return cls(formdata=None, data={"name": details.name, "mobile": details.mobile, "seen": seen, **values})


class BackToTrial(forms.Form):
    reason = forms.text(500, area=True)
