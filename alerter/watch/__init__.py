"""The watch over the alerter itself: signs of trouble, its own incidents, the dead man's switch, the status."""
