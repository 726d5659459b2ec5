"""What runs inside a sandbox: sent there as files, on the standard library alone, imported by nothing outside."""
