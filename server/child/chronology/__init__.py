"""What happened in a child's life, in order, for people: a page of it, and a document to print."""
