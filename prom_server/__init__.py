"""prom-server: patient-reported outcomes for clinics."""
