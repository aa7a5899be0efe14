"""The form that opens an assessment again."""

from prom_server.web.forms import NEEDED, Day, Form, text


class Reopen(Form):
    until = Day(validators=[NEEDED])
    reason = text(300, area=True)
