"""The reader of DailyDialog."""
