"""The swap test: a judge must match replies to voices, whatever the order they are shown in."""
