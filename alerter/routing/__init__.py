"""Who hears what: the routing tree, matchers, mute and active times, inhibition."""
