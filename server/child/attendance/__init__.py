"""The attendance register: its marks, what they add up to, and how a school sends them."""
