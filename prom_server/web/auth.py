"""Signing in and out, and setting a password by a one-time link."""

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Shown
from werkzeug.exceptions import HTTPException

from prom_server import clock
from prom_server.core.accounts import PasswordLinkView, TooManyAttempts, WeakPassword
from prom_server.core.permissions import Action
from prom_server.services import accounts, staffing
from prom_server.transaction import reading, transaction
from prom_server.web import forms, tablets
from prom_server.web.guard import PERSON, RETURN_TO, RULES, SignedOut

pages = Blueprint("auth", __name__)

CARRY = "carry-"  # fields of a form that was sent when its sender was signed out already
CARRY_TO = "carry-:to"
NEVER_CARRIED = {"csrf_token", "password", "again"}


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Shown:
    form = forms.SignIn()
    if not form.is_submitted():
        return _sign_in_page(form)
    if not form.validate():
        return _sign_in_page(form, 422)
    try:
        with transaction() as database:
            attempt = accounts.look_up(database, form.email.data, request.remote_addr or "", at=clock.now())
    except TooManyAttempts as error:
        form.refuse(error)
        return _sign_in_page(form, 429)
    verified = accounts.verify(attempt, form.password.data)  # slow on purpose: between the transactions
    with transaction() as database:
        token = accounts.record_sign_in(database, attempt, verified, at=clock.now())
        if token is None:
            accounts.record_failure(database, attempt, at=clock.now())
    if token is None:
        form.form_errors.append("wrong_sign_in")
        return _sign_in_page(form, 422)
    return_to, before = session.get(RETURN_TO), session.get(PERSON)
    same_person = before == attempt.staff_id
    tablets.end_patient()
    session.clear()  # a new session at sign-in
    g.pop("csrf_token", None)  # and a new token against forgery: the form library keeps the old one for the request
    session["staff"], session[PERSON] = token, attempt.staff_id
    if same_person and (to := _staff_form(request.form.get(CARRY_TO))) is not None:
        return render_template("auth/send_again.html", action=to, carried=_carried())
    return redirect(return_to if return_to and (same_person or before is None) else url_for("clinic.home"), 303)


def _sign_in_page(form: forms.SignIn, status: int = 200, carry: dict[str, str] | None = None) -> Shown:
    with reading() as database:
        demo = accounts.any_demo(database)
    carry = carry or {name: value for name, value in request.form.items() if name.startswith(CARRY)}
    return render_template("auth/sign_in.html", form=form, demo=demo, carry=carry), status


@pages.app_errorhandler(SignedOut)
def signed_out(_error: SignedOut) -> Shown:
    """The sign-in, with what was typed carried along, so that nothing is lost."""
    kept = {}
    if request.endpoint != "auth.sign_out":
        kept = {f"{CARRY}{name}": value for name, value in request.form.items() if name not in NEVER_CARRIED}
    flash("signed_out_meanwhile")
    return _sign_in_page(forms.SignIn(formdata=None), 401, {CARRY_TO: request.path, **kept} if kept else None)


def _carried() -> dict[str, str]:
    return {
        name.removeprefix(CARRY): value
        for name, value in request.form.items()
        if name.startswith(CARRY) and name != CARRY_TO
    }


def _staff_form(path: str | None) -> str | None:
    """The path if it is a staff form of ours: nothing else is ever posted to."""
    if path is None:
        return None
    try:
        endpoint, _values = current_app.url_map.bind("").match(path, method="POST")
    except HTTPException:
        return None
    return path if isinstance(RULES.get(endpoint), Action) else None


@pages.post("/sign-out")
def sign_out() -> Shown:
    with transaction() as database:
        accounts.sign_out(database, session["staff"], by=g.by, at=clock.now())
    session.clear()
    flash("signed_out")
    return redirect(url_for(".sign_in"), 303)


@pages.route("/set-password/<token>", methods=["GET", "POST"])
def set_password(token: str) -> Shown:
    """Looking at it uses nothing up."""
    form = forms.SetPassword()
    with reading() as database:
        view = staffing.password_link(database, token, at=clock.now())
    if not form.is_submitted():
        return _set_password_page(form, view)
    if not form.validate():
        return _set_password_page(form, view, 422)
    try:
        staffing.check_password(view, form.password.data)
    except WeakPassword as error:
        form.password.errors = error.problems
        return _set_password_page(form, view, 422)
    hashed = accounts.hash_password(form.password.data)
    with transaction() as database:
        staffing.set_password(database, token, hashed, at=clock.now())
    session.clear()
    flash("password_set")
    return redirect(url_for(".sign_in"), 303)


def _set_password_page(form: forms.SetPassword, view: PasswordLinkView, status: int = 200) -> Shown:
    return render_template("auth/set_password.html", form=form, view=view, demo=view.demo), status
