"""What requests may say. A field that is not named here is refused."""
