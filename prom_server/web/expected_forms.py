"""The upload of a day list."""

from flask_wtf.file import FileField, FileRequired

from prom_server.web.forms import NEEDED, Day, Form


class DayList(Form):
    on = Day(validators=[NEEDED])
    file = FileField(validators=[FileRequired("needed")])
