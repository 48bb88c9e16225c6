//! The PNG writer.
