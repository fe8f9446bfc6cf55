"""Tables and rows; nothing about who is asking."""
