"""What came of a call. Errors are codes; labels and words are in the templates."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import StringField
from wtforms.validators import Optional

from prom_server.core.calls import Outcome, Said
from prom_server.web.forms import Count, Day, Form, Time, choice, clean, text


class Record(Form):
    """One page offers each outcome as a button or a small form of its own; all of them are read by this one."""

    outcome = choice([str(each) for each in Outcome])
    seen = Count(validators=[])
    number = StringField(filters=[clean])
    note = text(300, needed=False)
    reason = text(300, needed=False)
    back_on = Day(validators=[Optional()])
    back_at = Time(validators=[Optional()])

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        valid: bool = super().validate(*args, **kwargs)
        if self.outcome.data != Outcome.CALL_BACK:
            return valid
        missing = [each for each in (self.back_on, self.back_at) if each.data is None]
        for field in missing:
            field.errors = field.errors or ("needed",)
        return valid and not missing

    def said(self, time_zone: str) -> Said:
        outcome = Outcome(self.outcome.data)
        when = None
        if outcome is Outcome.CALL_BACK:
            when = datetime.combine(self.back_on.data, self.back_at.data, ZoneInfo(time_zone)).astimezone(UTC)
        note = self.reason.data if outcome is Outcome.DECLINED else self.note.data
        return Said(outcome, self.seen.data or 0, note or None, when, self.number.data or None)
