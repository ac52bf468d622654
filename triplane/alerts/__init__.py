"""Alerts: what a person wants to hear of at once, told to Discord, Telegram, e-mail, a webhook and the like."""
