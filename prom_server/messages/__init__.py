"""How a message leaves the house: by SMTP, by a gateway for SMS, or not at all where the installation is not live."""
