"""The upload of a file with patients."""

from flask_wtf.file import FileField, FileRequired

from prom_server.web.forms import Form


class PatientsFile(Form):
    file = FileField(validators=[FileRequired("needed")])
