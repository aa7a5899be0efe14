"""The database: tables and queries, one file per feature. Every query on a clinic's data takes the clinic first."""
