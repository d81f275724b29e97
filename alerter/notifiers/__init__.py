"""One module or folder per notifier; each says how a message is shown and sent there."""
