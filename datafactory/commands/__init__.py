"""The commands: one file each, by the command's name; each parses, calls one function, prints."""
