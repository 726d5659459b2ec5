"""What a person looks at: the dataset card, the report page and the terminal view."""
