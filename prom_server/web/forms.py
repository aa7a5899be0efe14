"""The staff's forms. Errors are codes; their words, like all labels, are in the templates."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from flask_wtf import FlaskForm
from wtforms import DateField, DecimalField, Field, IntegerField, PasswordField, StringField, TextAreaField
from wtforms import TimeField as WtTimeField
from wtforms.validators import (
    AnyOf,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
    StopValidation,
    ValidationError,
)

from prom_server.core import contacts, email_address
from prom_server.core.clinics import PAPERS
from prom_server.core.courses import FinishReason
from prom_server.core.enrolment import PatientDetails, plausible_birth_date
from prom_server.core.permissions import Role
from prom_server.core.preferences import CONTRASTS, LANGUAGES, TEXT_SIZES
from prom_server.core.refusals import Refused

NEEDED = InputRequired("needed")
FIRST_YEAR, LAST_YEAR = 1850, 2200  # further away no clock can be set back or forth
PHONE = Regexp(rf"^{contacts.PHONE.pattern}$", message="not_a_phone")


def clean(value: Any) -> Any:
    """Without control characters and space at the ends. Lines stay lines."""
    if not isinstance(value, str):
        return value
    return "".join(each for each in value if each.isprintable() or each == "\n").strip()


def text(longest: int, *validators: Any, needed: bool = True, area: bool = False) -> Any:
    kind = TextAreaField if area else StringField
    first = _Filled() if needed else Optional()
    return kind(validators=[first, Length(max=longest, message="too_long"), *validators], filters=[clean])


class _Filled:
    """Something other than space."""

    def __call__(self, _form: Any, field: Field) -> None:
        if field.errors:
            raise StopValidation  # what was typed could not be read, and that is said already
        if not field.data:
            raise StopValidation("needed")


def an_email(_form: Any, field: Field) -> None:
    if not email_address.is_email(field.data):
        raise ValidationError("not_an_email")


class Day(DateField):
    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or not valuelist[0]:
            return
        try:
            self.data = date.fromisoformat(valuelist[0].strip())
            if not FIRST_YEAR <= self.data.year <= LAST_YEAR:
                raise ValueError
        except ValueError:
            self.data = None
            raise ValueError("not_a_date") from None


class Time(WtTimeField):
    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or not valuelist[0]:
            return
        try:
            self.data = time.fromisoformat(valuelist[0].strip()).replace(tzinfo=None)
        except ValueError:
            self.data = None
            raise ValueError("not_a_time") from None


class Number(DecimalField):
    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            return
        try:
            self.data = Decimal(valuelist[0].strip().replace(",", "."))
        except InvalidOperation:
            self.data = None
        if self.data is None or not self.data.is_finite():
            self.data = None
            raise ValueError("not_a_number")


class Count(IntegerField):
    data: Any

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            return
        written = valuelist[0].strip()
        if not (written.isascii() and written.isdigit() and len(written) < 6):
            raise ValueError("not_a_number")
        self.data = int(written)


def seconds(least: int, most: int) -> Any:
    """Whole seconds within a range."""
    return Count(validators=[InputRequired("needed"), NumberRange(least, most, message="not_so_long")])


def choice(values: Sequence[str]) -> Any:
    """One of `values`; how they are offered, and the words of each, are the template's."""
    return StringField(validators=[_Filled(), AnyOf(values, message="not_a_choice")])


def preset(values: Sequence[str]) -> Any:
    """One of `values`; what stands, or the first, where the form says nothing."""
    return StringField(default=values[0], validators=[AnyOf(values, message="not_a_choice")])


class Form(FlaskForm):
    """Refusals of services become errors of a field, or of the whole form."""

    def refuse(self, error: Refused, field: str | None = None) -> None:
        code = type(error).__name__
        if field is None:
            self.form_errors.append(code)
        else:
            self[field].errors = (*self[field].errors, code)


class SignIn(Form):
    email = StringField(validators=[_Filled()], filters=[clean])
    password = PasswordField(validators=[NEEDED])


class SetPassword(Form):
    password = PasswordField(validators=[NEEDED])
    again = PasswordField(validators=[NEEDED])

    def validate_again(self, field: Field) -> None:
        if field.data != self.password.data:
            raise ValidationError("not_the_same")


class Search(Form):
    q = StringField(filters=[clean], validators=[Length(max=120, message="too_long")])


class Patient(Form):
    record_number = text(40)
    given_name = text(80)
    family_name = text(80)
    birth_date = Day(validators=[_Filled()])
    phone = text(40, PHONE, needed=False)
    address = text(300, needed=False, area=True)
    emergency_contact = text(300, needed=False, area=True)
    language = preset(LANGUAGES)
    text_size = preset(TEXT_SIZES)
    contrast = preset(CONTRASTS)

    def details(self) -> PatientDetails:
        return PatientDetails(
            record_number=self.record_number.data,
            given_name=self.given_name.data,
            family_name=self.family_name.data,
            birth_date=self.birth_date.data,
            phone=self.phone.data or None,
            address=self.address.data or None,
            emergency_contact=self.emergency_contact.data or None,
            language=self.language.data,
            text_size=self.text_size.data,
            contrast=self.contrast.data,
        )

    def __init__(self, today: date, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.today = today

    def validate_birth_date(self, field: Field) -> None:
        if not plausible_birth_date(field.data, self.today):
            raise ValidationError("ImplausibleBirthDate")


class StartCourse(Form):
    protocol = StringField(validators=[_Filled()])
    starts_on = Day(validators=[_Filled()])


class FinishCourse(Form):
    reason = choice([str(each) for each in FinishReason])
    note = text(500, needed=False, area=True)


class Resolve(Form):
    code = StringField(validators=[_Filled()])
    attempts = Count(validators=[Optional()])
    note = text(2000, needed=False, area=True)


class InError(Form):
    reason = text(500, area=True)


class Clinic(Form):
    name = text(120)
    phone = text(40, PHONE)
    hours = text(120)
    time_zone = text(64)
    paper = choice(PAPERS)

    def validate_time_zone(self, field: Field) -> None:
        if field.data not in available_timezones():
            raise ValidationError("UnknownTimeZone")


class AddStaff(Form):
    name = text(120)
    email = text(email_address.LONGEST, an_email)
    role = choice([str(each) for each in Role])


class Permission(Form):
    family = StringField(validators=[_Filled()])
    granted_by = text(200)
    granted_on = Day(validators=[_Filled()])
    reference = text(200)


def birth_date_in(query: str) -> date | None:
    """A search that is a date: 1968-03-12, 03/12/1968 (month first) or 12 Mar 1968."""
    for pattern in ("%Y-%m-%d", "%m/%d/%Y", "%d %b %Y", "%d %B %Y"):
        try:
            return datetime.strptime(query.strip(), pattern).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None
