"""What runs inside a sandbox before and around the programs: its text is sent there. The standard library alone."""
