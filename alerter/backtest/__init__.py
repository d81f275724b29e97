"""What other settings of a rule would have done over the same past."""
