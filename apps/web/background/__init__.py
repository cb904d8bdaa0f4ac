"""The page of the server's operators about work beside the requests."""
