"""Small programs that keep the repository true."""
