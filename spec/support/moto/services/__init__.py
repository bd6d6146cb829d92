"""The extension by service: a file each, imported by the server."""
