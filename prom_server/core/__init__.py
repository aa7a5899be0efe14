"""The rules: frozen dataclasses and functions. No Flask, no database, no clock; dates come in as arguments."""
