"""Starter rules, one of each type, with their tests: what ``alerter new`` writes."""
