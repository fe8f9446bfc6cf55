"""How long what is known of a child is kept: classes of records with their law, as data, by authority."""
