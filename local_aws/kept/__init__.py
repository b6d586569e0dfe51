"""What the local AWS keeps in its state folder until it is reset."""
