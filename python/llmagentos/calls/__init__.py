"""From the arguments of a call to requests, and from what the engine gives to what the caller gets."""
