"""Slack: a pure formatter, a thin client by bot token, and incoming webhooks as the way without a bot."""
