"""Work beside the requests: how tasks run, when they come again, what became of them. Imports nothing of ours."""
