"""The walks: one file each, verbs as `f(session, ..., *, by, at)`. They never commit and never read the clock."""
