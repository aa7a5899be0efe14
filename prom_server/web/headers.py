"""The headers of every response."""

from flask import Flask, Response, request

from prom_server.settings import Settings

# form-action, base-uri and frame-ancestors do not inherit default-src.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


PRIVATE_LINKS = {
    "kiosk.look_at_set_up",
    "kiosk.set_up",
    "visit_entry.link",
    "visit_entry.identify",
    "opt_out.reminders",
    "opt_out.choose",
    "results.ask",
    "results.read",
    "auth.set_password",
}


def install(app: Flask, settings: Settings) -> None:
    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        if settings.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint == "static" and response.status_code == 200:
            return response  # what follows is of documents, and would be half a kilobyte for each small file
        response.headers["Content-Security-Policy"] = POLICY
        # The address of a private link is not even told to our own static files.
        response.headers["Referrer-Policy"] = "strict-origin" if request.endpoint in PRIVATE_LINKS else "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
