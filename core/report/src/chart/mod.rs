//! Charts as drawings.
