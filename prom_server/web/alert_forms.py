"""The forms of alerts: given on, on call, a period. Errors are codes; labels and words are in the templates."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from prom_server.web.forms import NEEDED, Day, Form, Time, text


class Give(Form):
    to = text(20)


class Duty(Form):
    """From a day and a time until another, on the clinic's clock."""

    who = text(20)
    begins_on = Day(validators=[NEEDED])
    begins_at = Time(validators=[NEEDED])
    until_on = Day(validators=[NEEDED])
    until_at = Time(validators=[NEEDED])

    def span(self, time_zone: str) -> tuple[datetime, datetime]:
        zone = ZoneInfo(time_zone)
        begins = datetime.combine(self.begins_on.data, self.begins_at.data, zone)
        return begins.astimezone(UTC), datetime.combine(self.until_on.data, self.until_at.data, zone).astimezone(UTC)


class PeriodForm(Form):
    """Asked by address, so that a page of numbers can be kept; it changes nothing and needs no token."""

    class Meta:
        csrf = False

    first = Day(validators=[NEEDED])
    last = Day(validators=[NEEDED])
