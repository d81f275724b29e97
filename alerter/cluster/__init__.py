"""Several engines on one state: who is there, who tries which rule, who may."""
