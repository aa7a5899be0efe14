"""The pages. Views speak to services; the guard decides who may reach them; templates hold the words."""

from datetime import timedelta

from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from prom_server.resources import directory
from prom_server.settings import LOOPBACK, Settings
from prom_server.web import (
    compression,
    demo_mark,
    errors,
    filters,
    guard,
    headers,
    journal,
    languages,
    outbox,
    preferences,
    tablet_refusals,
)


def build(settings: Settings) -> Flask:
    """The Flask application with every page, guarded by default."""
    app = Flask("prom_server.web", template_folder=str(directory("templates")), static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-prom" if settings.secure else "prom",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),  # addresses of static files carry their content's hash
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAX_FORM_PARTS=200,
        WTF_CSRF_TIME_LIMIT=None,  # a tired patient's Next must work
        TRUSTED_HOSTS=[settings.public_hostname, *LOOPBACK],
    )
    app.extensions["prom-settings"] = settings
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        # Flask's own way to wrap an application; mypy sees a method replaced.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    journal.install(app, settings)
    headers.install(app, settings)
    compression.install(app)
    filters.install(app)
    languages.install(app)
    preferences.install(app)
    demo_mark.install(app)
    outbox.install(app)
    guard.install(app)
    errors.install(app)
    tablet_refusals.install(app)
    for blueprint in _blueprints():
        app.register_blueprint(blueprint)
    return app


def _blueprints() -> tuple[Blueprint, ...]:
    from prom_server.web import (
        admin,
        alert_latency,
        alerts,
        auth,
        calls,
        care,
        catalogue,
        clinic,
        clinic_settings,
        contacts,
        course_moves,
        courses,
        devices,
        entry,
        events,
        expected,
        funnel,
        given,
        handovers,
        health,
        imports,
        inbound,
        infusions,
        kiosk,
        late_reopening,
        link_messages,
        merging,
        message_templates,
        on_call,
        opt_out,
        outbox,
        paper,
        patient,
        preview,
        reassigning,
        report,
        results,
        satisfying,
        screens,
        visit_entry,
        why,
    )

    visits = (health, inbound, visit_entry, opt_out, results, patient, screens, preferences, kiosk)
    desk = (auth, clinic, calls, expected, alerts, on_call, outbox, entry, paper, given, report, handovers)
    records = (contacts, courses, course_moves, infusions, events, care, why, satisfying, late_reopening)
    registry = (imports, merging, reassigning, link_messages)
    office = (admin, clinic_settings, message_templates, devices, catalogue, preview, alert_latency, funnel)
    return tuple(each.pages for each in (*visits, *desk, *records, *registry, *office))
