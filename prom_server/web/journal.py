"""Structured logs, one JSON line per request: the route's pattern, never the path, and nothing of a person."""

import json
import logging
import secrets
import sys
import time

from flask import Flask, Response, g, request

from prom_server.services.audit import request_id
from prom_server.settings import Settings

log = logging.getLogger("prom_server")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record)
        return json.dumps(line, ensure_ascii=False)


def _where(record: logging.LogRecord) -> list[str]:
    """File and line of each frame. Not the message: an exception's text may hold what a person typed."""
    trace = record.exc_info[2] if record.exc_info else None
    frames = []
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-8:]


def write_to_stderr(level: str) -> None:
    """One line of JSON for each event of this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log.handlers[:] = [handler]
    log.setLevel(level)
    log.propagate = False


def install(app: Flask, settings: Settings) -> None:
    write_to_stderr(settings.log_level)

    @app.before_request
    def begin() -> None:
        g.request_id = secrets.token_hex(8)
        g.began = time.perf_counter()
        request_id.set(g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        if "request_id" in g:
            response.headers["X-Request-Id"] = g.request_id
            route = request.url_rule.rule if request.url_rule else "(none)"
            if route not in {"/static/<path:filename>", "/healthz"}:
                fields = {
                    "request_id": g.request_id,
                    "method": request.method,
                    "route": route,
                    "status": response.status_code,
                    "ms": round(1000 * (time.perf_counter() - g.began), 1),
                }
                log.info("request", extra={"fields": fields})
        return response
