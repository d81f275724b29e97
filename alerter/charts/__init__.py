"""Pictures of what a rule counted: in the terminal, as SVG, PNG or an HTML page."""
