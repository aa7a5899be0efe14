"""Style sheets and scripts go gzipped over the wire. Pages do not.

A page holds a secret (its form's token), and what is secret must not be compressed beside what somebody else may have
put into the address or a form: the length would tell it (BREACH). Static files hold neither.
"""

import gzip
from functools import lru_cache

from flask import Flask, Response, request

TEXT = {"text/css", "text/javascript", "application/javascript"}


def install(app: Flask) -> None:
    @app.after_request
    def compress(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code != 200 or response.mimetype not in TEXT:
            return response
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0 and "Range" not in request.headers:
            response.direct_passthrough = False
            response.set_data(_packed(response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
            etag, _ = response.get_etag()
            response.set_etag(etag or "", weak=True)  # the same words, other bytes
        return response


@lru_cache(maxsize=64)
def _packed(text: bytes) -> bytes:
    return gzip.compress(text, 9, mtime=0)
