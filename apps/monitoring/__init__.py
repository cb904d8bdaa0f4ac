"""What operators learn of the portal: its log, and what is counted. Imports nothing of ours, so everybody may count."""
