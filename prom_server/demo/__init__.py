"""The demo clinic: synthetic people, made through the services as if they had lived."""
