"""The reader of EmoWOZ."""
