"""What answers requests: endpoints of the OpenAI kind, and the phrasebook."""
