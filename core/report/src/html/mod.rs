//! Mail HTML: tables, inline styles, 640 pixels wide and one column on phones, readable without pictures.
