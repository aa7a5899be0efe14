"""The forms of a course that is moved or cancelled. `seen` stands for what was shown before: see `core.moving`."""

from wtforms import HiddenField

from prom_server.web.forms import NEEDED, Day, Form, text


class MoveCourse(Form):
    starts_on = Day(validators=[NEEDED])
    seen = HiddenField()


class Agreed(Form):
    seen = HiddenField()


class CancelCourse(Form):
    note = text(500, area=True)
    seen = HiddenField()
