"""Where videos are made: backends behind one interface, asked and never assumed."""
