"""Deterministic simulation: whole engines in one thread, every fault and interleaving thrown by a seed."""
