//! Plain text worth reading: the mail's alternative part, and what the terminal shows.
