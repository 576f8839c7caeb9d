"""What `scripts/template-check` holds the template to, a file for each question."""
